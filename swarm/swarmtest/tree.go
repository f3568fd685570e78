package swarmtest

import (
	"crypto/sha256"
	"math/bits"
	"slices"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

// tree is the merkle tree of a file (BEP 52): level 0 is the leaves, padded
// with zero hashes to a power of two, the last level the root alone.
type tree struct {
	levels [][]metainfo.Hash256
	blocks int // leaves that are not padding
}

// newTree hashes data, which is not empty.
func newTree(data []byte) tree {
	t := tree{blocks: (len(data) + hashing.BlockSize - 1) / hashing.BlockSize}
	level := make([]metainfo.Hash256, 1<<bits.Len(uint(t.blocks-1)))
	for i := range t.blocks {
		level[i] = sha256.Sum256(data[i*hashing.BlockSize : min(len(data), (i+1)*hashing.BlockSize)])
	}
	for len(level) > 1 {
		t.levels = append(t.levels, level)
		up := make([]metainfo.Hash256, len(level)/2)
		for i := range up {
			up[i] = sha256.Sum256(slices.Concat(level[2*i][:], level[2*i+1][:]))
		}
		level = up
	}
	t.levels = append(t.levels, level)
	return t
}

func (t tree) root() metainfo.Hash256 { return t.levels[len(t.levels)-1][0] }

// layer returns the hashes of the pieces that hold data: the piece layer. It
// is the root alone for a file of at most a piece.
func (t tree) layer(pieceBlocks int) []metainfo.Hash256 {
	level := bits.Len(uint(pieceBlocks)) - 1
	if level >= len(t.levels) {
		return t.levels[len(t.levels)-1]
	}
	return t.levels[level][:(t.blocks+pieceBlocks-1)/pieceBlocks]
}

// answer returns what a hashes message for r carries; ok is false if the tree
// has no such hashes.
func (t tree) answer(r hashing.HashRequest) (hashes, uncles []metainfo.Hash256, ok bool) {
	if r.BaseLayer >= len(t.levels) || r.Index+r.Length > len(t.levels[r.BaseLayer]) {
		return nil, nil, false
	}
	hashes = t.levels[r.BaseLayer][r.Index : r.Index+r.Length]
	level := r.BaseLayer + bits.Len(uint(r.Length)) - 1
	for i, n := r.Index/r.Length, r.Uncles(); n > 0; i, n, level = i/2, n-1, level+1 {
		if level >= len(t.levels)-1 {
			return nil, nil, false
		}
		uncles = append(uncles, t.levels[level][i^1])
	}
	return hashes, uncles, true
}
