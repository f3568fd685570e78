package cache

import (
	"crypto/sha1"
	"crypto/sha256"
	"io"

	"p2pfs/swarm/sha"
)

// blockSize is the unit that BEP 52's hash trees are built over.
const blockSize = 16 << 10

// maxLeaves is the widest padding that a piece's root may have: a piece of
// MaxPiece bytes.
const maxLeaves = MaxPiece / blockSize

// verify reports whether the size bytes of r are the piece that k names.
// The error is that of reading; a short r is io.ErrUnexpectedEOF.
func verify(k Key, r io.ReaderAt, size int64) (bool, error) {
	if k[0] == '1' {
		h := sha1.New()
		err := inParts(r, size, func(part []byte) { h.Write(part) })
		return err == nil && [sha1Len]byte(h.Sum(nil)) == [sha1Len]byte(k[1:]), err
	}
	leaves := make([][sha256Len]byte, 0, (size+blockSize-1)/blockSize)
	err := inParts(r, size, func(part []byte) {
		leaves = sha.Append256(leaves, part, blockSize)
	})
	return err == nil && rootMatches(leaves, [sha256Len]byte(k[1:])), err
}

// inParts calls f with the first size bytes of r, cut at multiples of blockSize.
func inParts(r io.ReaderAt, size int64, f func(part []byte)) error {
	buf := make([]byte, min(size, 16*blockSize))
	for off := int64(0); off < size; off += int64(len(buf)) {
		part := buf[:min(size-off, int64(len(buf)))]
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
