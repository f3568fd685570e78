package hashing

import (
	"crypto/sha256"
	"encoding/binary"
)

// state256 is a SHA-256 under way, as the instructions hold it: f e b a, then
// h g d c.
type state256 [8]uint32

// begin256 is FIPS 180-4, 5.3.3.
var begin256 = [2]state256{
	{0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667, 0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372},
	{0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667, 0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372},
}

func (s *state256) sum() (out [sha256.Size]byte) {
	for i, v := range [...]uint32{s[3], s[2], s[7], s[6], s[1], s[0], s[5], s[4]} {
		binary.BigEndian.PutUint32(out[4*i:], v)
	}
	return out
}

// sum256Pair returns the SHA-256 of a and that of b.
func sum256Pair(a, b []byte) (x, y [sha256.Size]byte) {
	if !twoLanes || len(a) != len(b) {
		return sha256.Sum256(a), sha256.Sum256(b)
	}
	state := begin256
	length := uint64(len(a))
	for len(a) >= blockLen {
		n := min(len(a)/blockLen, maxRun)
		sha256Blocks(&state, &a[0], &b[0], n)
		a, b = a[n*blockLen:], b[n*blockLen:]
	}
	var rest [2][2 * blockLen]byte
	copy(rest[0][:], a)
	copy(rest[1][:], b)
	n := padding(&rest[0], length)
	padding(&rest[1], length)
	sha256Blocks(&state, &rest[0][0], &rest[1][0], n)
	return state[0].sum(), state[1].sum()
}
