package cache

import (
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"io"
	"runtime"
	"sync"

	"p2pfs/swarm/sha"
)

// blockSize is the unit that BEP 52's hash trees are built over.
const blockSize = 16 << 10

// maxLeaves is the widest padding that a piece's root may have: a piece of
// MaxPiece bytes.
const maxLeaves = MaxPiece / blockSize

// splitLeaves is how many blocks at least each goroutine gets that verifies a
// part of a piece: some 200 us of hashing, against 2 for starting one.
const splitLeaves = 16

// verify reports whether the size bytes of r are the piece that k names.
// The error is that of reading; a short r is io.ErrUnexpectedEOF. The hash tree
// of version 2 is computed on all processors; SHA-1 knows no parts.
func verify(k Key, r io.ReaderAt, size int64) (bool, error) {
	if k[0] == '1' {
		h := sha1.New()
		err := inParts(r, 0, size, func(part []byte) { h.Write(part) })
		return err == nil && [sha1Len]byte(h.Sum(nil)) == [sha1Len]byte(k[1:]), err
	}
	leaves, err := hashLeaves(r, size)
	return err == nil && rootMatches(leaves, [sha256Len]byte(k[1:])), err
}

// hashLeaves returns the hashes of the blocks of r.
func hashLeaves(r io.ReaderAt, size int64) ([][sha256Len]byte, error) {
	n := int((size + blockSize - 1) / blockSize)
	leaves := make([][sha256Len]byte, n)
	parts := max(1, min(runtime.GOMAXPROCS(0), n/splitLeaves))
	each := (n + parts - 1) / parts
	errs := make([]error, parts)
	part := func(i int) {
		from, to := min(i*each, n), min((i+1)*each, n)
		out := leaves[from:from:to]
		errs[i] = inParts(r, int64(from)*blockSize, min(int64(to)*blockSize, size), func(part []byte) {
			out = sha.Append256(out, part, blockSize)
		})
	}
	var wg sync.WaitGroup
	for i := range parts - 1 {
		wg.Go(func() { part(i + 1) })
	}
	part(0)
	wg.Wait()
	return leaves, errors.Join(errs...)
}

// inParts calls f with the bytes of r in [from, to), cut at multiples of
// blockSize from from.
func inParts(r io.ReaderAt, from, to int64, f func(part []byte)) error {
	buf := make([]byte, min(to-from, 16*blockSize))
	for off := from; off < to; off += int64(len(buf)) {
		part := buf[:min(to-off, int64(len(buf)))]
		n, err := r.ReadAt(part, off)
		if n < len(part) {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		f(part)
	}
	return nil
}

// rootMatches reports whether want is the root over leaves at any padding.
// It overwrites leaves, of which there is at least one.
func rootMatches(leaves [][sha256Len]byte, want [sha256Len]byte) bool {
	var pad [sha256Len]byte
	width := 1
	for ; len(leaves) > 1; width *= 2 {
		if len(leaves)%2 == 1 {
			leaves = append(leaves, pad)
		}
		for i := 0; i < len(leaves); i += 2 {
			leaves[i/2] = hashPair(leaves[i], leaves[i+1])
		}
		leaves = leaves[:len(leaves)/2]
		pad = hashPair(pad, pad)
	}
	for root := leaves[0]; ; width *= 2 {
		if root == want || width >= maxLeaves {
			return root == want
		}
		root = hashPair(root, pad)
		pad = hashPair(pad, pad)
	}
}

func hashPair(a, b [sha256Len]byte) [sha256Len]byte {
	var both [2 * sha256Len]byte
	copy(both[:], a[:])
	copy(both[sha256Len:], b[:])
	return sha256.Sum256(both[:])
}
