package cache

import (
	"crypto/sha1"
	"errors"
	"io"
	"runtime"
	"sync"

	"p2pfs/swarm/hashing"
)

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
	return err == nil && hashing.IsRoot(hashing.Hash256(k[1:]), leaves, MaxPiece/hashing.BlockSize), err
}

// hashLeaves returns the hashes of the blocks of r.
func hashLeaves(r io.ReaderAt, size int64) ([]hashing.Hash256, error) {
	n := int((size + hashing.BlockSize - 1) / hashing.BlockSize)
	leaves := make([]hashing.Hash256, n)
	parts := max(1, min(runtime.GOMAXPROCS(0), n/splitLeaves))
	each := (n + parts - 1) / parts
	errs := make([]error, parts)
	part := func(i int) {
		from, to := min(i*each, n), min((i+1)*each, n)
		out := leaves[from:from:to]
		errs[i] = inParts(r, int64(from)*hashing.BlockSize, min(int64(to)*hashing.BlockSize, size), func(part []byte) {
			out = hashing.AppendLeaves(out, part)
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
// hashing.BlockSize from from.
func inParts(r io.ReaderAt, from, to int64, f func(part []byte)) error {
	buf := make([]byte, min(to-from, 16*hashing.BlockSize))
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
