package hashing

import (
	"encoding/hex"
	"fmt"
)

// Hash is a SHA-1: an infohash as the wire carries it, or a version 1 piece.
type Hash [20]byte

// Hash256 is a SHA-256: a version 2 infohash, or a node of a merkle tree.
type Hash256 [32]byte

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether all bytes are zero, which stands for "none".
func (h Hash) IsZero() bool { return h == Hash{} }

// String returns the hash in hexadecimal.
func (h Hash256) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether all bytes are zero, which stands for "none".
func (h Hash256) IsZero() bool { return h == Hash256{} }

// Short returns the first 20 bytes: a version 2 infohash in handshakes and
// announces (BEP 52).
func (h Hash256) Short() Hash { return Hash(h[:20]) }

// ParseHash reads 40 hexadecimal digits.
func ParseHash(s string) (h Hash, err error) {
	err = parseHex(h[:], s)
	return h, err
}

// ParseHash256 reads 64 hexadecimal digits.
func ParseHash256(s string) (h Hash256, err error) {
	err = parseHex(h[:], s)
	return h, err
}

func parseHex(dst []byte, s string) error {
	if len(s) != 2*len(dst) {
		return fmt.Errorf("hash of %d digits, not %d", len(s), 2*len(dst))
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil {
		return fmt.Errorf("hash %q: %w", s, err)
	}
	return nil
}

// SplitHashes cuts a run of 32-byte hashes, as "piece layers" and BEP 52
// `hashes` messages carry them. It returns nil, false if bytes are left over.
func SplitHashes(p []byte) ([]Hash256, bool) {
	if len(p)%32 != 0 {
		return nil, false
	}
	h := make([]Hash256, len(p)/32)
	for i := range h {
		h[i] = Hash256(p[32*i:])
	}
	return h, true
}

// JoinHashes is the reverse of SplitHashes.
func JoinHashes(h []Hash256) []byte {
	p := make([]byte, 0, 32*len(h))
	for i := range h {
		p = append(p, h[i][:]...)
	}
	return p
}

// Content names the bytes of a file: its pieces root and its length. The root
// alone does not, for nothing in a hash tree tells its height (BEP 52): the
// hashes of a file's two blocks, one behind the other, are a file of 64 bytes
// with the same root, and a stranger's torrent may give any root any length.
type Content struct {
	Root Hash256 // pieces root; zero for an empty file, and without version 2
	Size int64   // bytes
}
