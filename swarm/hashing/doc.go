// Package hashing computes the hashes that torrents are made of: the SHA-1 of
// pieces (BEP 3), the SHA-256 of blocks and the roots over them (BEP 52). It
// knows bytes and lengths, nothing of info dictionaries, files' names or peers.
//
// Where it can, it computes two hashes at once on one core: the SHA-1 of two
// inputs, the SHA-256 of two, or both of one. That is because the SHA
// instructions of amd64 processors wait for one another: each round needs the
// result of the one before, and a single stream leaves the unit idle for about
// half of the time. Two streams that take turns fill it, so that a pair takes
// little longer than one of the two would with the standard library. Files are
// cut into thousands of blocks and pieces, most often of one length, so pairs
// are easily found.
//
// Inputs of unlike lengths, and all inputs on other processors or with the
// build tag purego, are hashed one after the other by crypto/sha1 and
// crypto/sha256. The results are theirs in any case.
//
// File hashes a whole file on all cores; whatever else is here runs on the
// caller's goroutine. All functions are safe for concurrent use; a Pair1 and a
// Piece belong to one goroutine.
package hashing

import "encoding/binary"

// BlockSize is the length of every request but a piece's last (BEP 3: peers
// close the connection on more), and of what a merkle leaf is of (BEP 52), in
// bytes.
const BlockSize = 16 << 10

// MaxRequest is the longest block that a peer may ask us for, in bytes: some
// clients ask for more than BlockSize.
const MaxRequest = 128 << 10

// blockLen is what both functions take in at a time.
const blockLen = 64

// maxRun bounds the blocks hashed in one call, which the runtime cannot
// interrupt: some 50 us.
const maxRun = 64 << 10 / blockLen

// padding writes what follows n bytes of input into buf, behind its first
// n%blockLen bytes (FIPS 180-4, 5.1.1), and returns how many blocks of buf
// are used then.
func padding(buf *[2 * blockLen]byte, n uint64) int {
	rest := int(n % blockLen)
	clear(buf[rest:])
	buf[rest] = 0x80
	blocks := 1
	if rest+1+8 > blockLen {
		blocks = 2
	}
	binary.BigEndian.PutUint64(buf[blocks*blockLen-8:], 8*n)
	return blocks
}
