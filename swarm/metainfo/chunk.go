package metainfo

import (
	"crypto/sha1"
	"hash"
)

// work computes the hashes of a chunk that lie within it.
func (h *Hasher) work(c *chunk) {
	if h.isLong() {
		if !h.cfg.OnlyV1 {
			c.nodes = []Hash256{naturalRoot(c.buf)}
		}
		return
	}
	n := int(ceilDiv(int64(len(c.buf)), h.cfg.PieceLength))
	if !h.cfg.OnlyV1 {
		c.nodes = make([]Hash256, 0, n)
	}
	if !h.cfg.OnlyV2 {
		c.sums = make([]Hash, 0, n)
	}
	for rest := c.buf; len(rest) > 0; {
		piece := rest[:min(len(rest), int(h.cfg.PieceLength))]
		rest = rest[len(piece):]
		if !h.cfg.OnlyV1 {
			c.nodes = append(c.nodes, naturalRoot(piece))
		}
		if !h.cfg.OnlyV2 {
			c.sums = append(c.sums, h.sum1(piece))
		}
	}
}

func (h *Hasher) sum1(piece []byte) (sum Hash) {
	if !h.cfg.PadV1 || len(piece) == int(h.cfg.PieceLength) {
		return sha1.Sum(piece)
	}
	s := sha1.New()
	s.Write(piece)
	h.finish(s, len(piece))
	s.Sum(sum[:0])
	return sum
}

// naturalRoot returns the root over the blocks of data, filled up to the next
// power of two only.
func naturalRoot(data []byte) Hash256 {
	var room [chunkSize / BlockSize]Hash256
	leaves := AppendLeaves(room[:0], data)
	return fold(leaves, ceilPow2(len(leaves)), 0)
}

// finish pads the SHA-1 of n bytes to a whole piece, where that is asked for.
func (h *Hasher) finish(s hash.Hash, n int) {
	if h.cfg.PadV1 {
		writeZeros(s, int(h.cfg.PieceLength)-n)
	}
}

func (h *Hasher) pieces() []Hash {
	pieces := make([]Hash, 0, ceilDiv(h.length, h.cfg.PieceLength))
	for _, p := range h.long {
		pieces = append(pieces, p.sum)
	}
	for _, c := range h.done {
		pieces = append(pieces, c.sums...)
	}
	return pieces
}

// tree builds root and layer from the chunks' nodes. They stand one layer
// apart by their unit (a chunk, or a piece where that is shorter), but for the
// last, whose unit may be cut short.
func (h *Hasher) tree() (root Hash256, layer []Hash256) {
	unit := min(h.cfg.PieceLength, chunkSize)
	level := log2(int(unit / BlockSize))
	nodes := make([]Hash256, 0, ceilDiv(h.length, unit))
	for _, c := range h.done {
		nodes = append(nodes, c.nodes...)
	}
	if len(nodes) == 1 {
		return nodes[0], nil
	}
	last := &nodes[len(nodes)-1]
	tail := h.length - int64(len(nodes)-1)*unit
	*last = lift(*last, log2(ceilPow2(blocks(tail))), level)
	if h.length <= h.cfg.PieceLength {
		return rootAt(nodes, ceilPow2(len(nodes)), level), nil
	}
	pieceLevel := log2(int(h.cfg.PieceLength / BlockSize))
	for per := 1 << (pieceLevel - level); len(nodes) > 0; {
		k := min(per, len(nodes))
		layer = append(layer, rootAt(nodes[:k], per, level))
		nodes = nodes[k:]
	}
	return rootAt(layer, ceilPow2(len(layer)), pieceLevel), layer
}

// lift returns the root of the tree of a higher level that has node at its
// left and nothing else.
func lift(node Hash256, from, to int) Hash256 {
	for ; from < to; from++ {
		node = parent(node, PadHash(from))
	}
	return node
}
