package hashing

import (
	"crypto/sha256"
	"math/bits"
	"slices"
)

// padHashes[n] is the root of 2^n zero leaves; immutable.
var padHashes = func() (p [64]Hash256) {
	for i := 1; i < len(p); i++ {
		p[i] = parent(p[i-1], p[i-1])
	}
	return p
}()

// Leaves returns the SHA-256 of each of blocks, which are of at most BlockSize
// bytes. It takes little more than half the time of hashing them one by one.
func Leaves(blocks [][]byte) []Hash256 {
	leaves := make([]Hash256, 0, len(blocks))
	for ; len(blocks) > 1; blocks = blocks[2:] {
		x, y := sum256Pair(blocks[0], blocks[1])
		leaves = append(leaves, x, y)
	}
	for _, b := range blocks {
		leaves = append(leaves, sha256.Sum256(b))
	}
	return leaves
}

// AppendLeaves cuts data into blocks of BlockSize, the last of which may be
// shorter, and appends the SHA-256 of each to leaves.
func AppendLeaves(leaves []Hash256, data []byte) []Hash256 {
	for len(data) >= 2*BlockSize {
		x, y := sum256Pair(data[:BlockSize], data[BlockSize:2*BlockSize])
		leaves = append(leaves, x, y)
		data = data[2*BlockSize:]
	}
	for b := range slices.Chunk(data, BlockSize) {
		leaves = append(leaves, sha256.Sum256(b))
	}
	return leaves
}

// PadHash returns the root of 2^level leaves that lie behind the end of their
// file and therefore are zero (BEP 52). level is at most 63.
func PadHash(level int) Hash256 { return padHashes[level] }

func parent(a, b Hash256) Hash256 {
	var pair [64]byte
	copy(pair[:32], a[:])
	copy(pair[32:], b[:])
	return sha256.Sum256(pair[:])
}

// Root returns the root over leaves, which are filled up with zero hashes to
// width: a power of two, at least len(leaves).
func Root(leaves []Hash256, width int) Hash256 { return rootAt(leaves, width, 0) }

// IsRoot reports whether want is the root over leaves, of which there is at
// least one, at any width up to most. It overwrites leaves.
func IsRoot(want Hash256, leaves []Hash256, most int) bool {
	width := ceilPow2(len(leaves))
	for root := fold(leaves, width, 0); ; width *= 2 {
		if root == want || width >= most {
			return root == want
		}
		root = parent(root, PadHash(log2(width)))
	}
}

// rootAt is Root for nodes of the layer that is level above the leaves.
func rootAt(nodes []Hash256, width, level int) Hash256 {
	if width&(width-1) != 0 || width < len(nodes) || width == 0 {
		panic("hashing: width of a tree must be a power of two that holds its nodes")
	}
	if len(nodes) == 0 {
		return PadHash(level + log2(width))
	}
	return fold(append([]Hash256(nil), nodes...), width, level)
}

// fold is rootAt for at least one node, in the place of row.
func fold(row []Hash256, width, level int) Hash256 {
	for ; width > 1; width /= 2 {
		row = parents(row, row, level)
		level++
	}
	return row[0]
}

// parents writes the layer above nodes, which are of the given level, to dst
// and returns it. dst may be nodes itself.
func parents(dst, nodes []Hash256, level int) []Hash256 {
	n := len(nodes)
	dst = dst[:(n+1)/2]
	for i := range dst {
		right := PadHash(level)
		if 2*i+1 < n {
			right = nodes[2*i+1]
		}
		dst[i] = parent(nodes[2*i], right)
	}
	return dst
}

// log2 returns the logarithm of a power of two.
func log2(n int) int { return bits.TrailingZeros(uint(n)) }

// ceilPow2 returns the smallest power of two that is at least n; n >= 1.
func ceilPow2(n int) int { return 1 << bits.Len(uint(n-1)) }

// ceilDiv returns a/b rounded up; a >= 0, b > 0, no sum beyond 63 bit.
func ceilDiv(a, b int64) int64 {
	n := a / b
	if a%b != 0 {
		n++
	}
	return n
}
