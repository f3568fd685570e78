package hashing

import (
	"crypto/sha1"
	"slices"
)

// work computes the hashes of a chunk that lie within it: all of them where
// pieces are no longer, else its root.
func (h *hasher) work(c *chunk) {
	if h.isLong() {
		c.nodes = []Hash256{naturalRoot(c.buf)}
		return
	}
	n := int(ceilDiv(int64(len(c.buf)), h.cfg.PieceLength))
	if !h.cfg.OnlyV1 {
		c.nodes = make([]Hash256, 0, n)
	}
	if !h.cfg.OnlyV2 {
		c.sums = make([]Hash, 0, n)
	}
	switch {
	case h.cfg.OnlyV1:
		h.work1(c)
	case h.cfg.OnlyV2:
		for piece := range slices.Chunk(c.buf, int(h.cfg.PieceLength)) {
			c.nodes = append(c.nodes, naturalRoot(piece))
		}
	default:
		h.workBoth(c)
	}
}

// work1 is work for version 1 alone.
func (h *hasher) work1(c *chunk) {
	rest, size := c.buf, int(h.cfg.PieceLength)
	for ; len(rest) >= 2*size; rest = rest[2*size:] {
		a, b := sum1Pair(rest[:size], rest[size:2*size])
		c.sums = append(c.sums, a, b)
	}
	for piece := range slices.Chunk(rest, size) {
		s := sha1.New()
		s.Write(piece)
		eachZeros(h.padding(len(piece)), func(z []byte) { s.Write(z) })
		c.sums = append(c.sums, Hash(s.Sum(nil)))
	}
}

// second returns another chunk to be hashed with one, if they are a piece each
// and nothing but its SHA-1 is wanted, and if one waits; else nil.
func (h *hasher) second() *chunk {
	if !h.cfg.OnlyV1 || h.cfg.PadV1 || h.isLong() || h.chunkLen > int(h.cfg.PieceLength) {
		return nil
	}
	select {
	case c := <-h.jobs: // nil at the end
		return c
	default:
		return nil
	}
}

// workPair is work for two chunks.
func (h *hasher) workPair(c, d *chunk) {
	a, b := sum1Pair(c.buf, d.buf)
	c.sums, d.sums = []Hash{a}, []Hash{b}
}

// workBoth is work for both versions.
func (h *hasher) workBoth(c *chunk) {
	s := newBoth()
	for piece := range slices.Chunk(c.buf, int(h.cfg.PieceLength)) {
		s.Reset()
		c.nodes = append(c.nodes, addBlocks(s, piece))
		eachZeros(h.padding(len(piece)), s.write1)
		c.sums = append(c.sums, s.Sum())
	}
}

// sumLong returns the SHA-1 of a piece of several chunks. Where version 2 is
// wanted, too, it computes the chunks' roots in the same pass.
func (h *hasher) sumLong(in <-chan *chunk) Hash {
	n := 0
	if h.cfg.OnlyV1 {
		s := sha1.New()
		for c := range in {
			n += len(c.buf)
			s.Write(c.buf)
			h.release(c)
		}
		eachZeros(h.padding(n), func(z []byte) { s.Write(z) })
		return Hash(s.Sum(nil))
	}
	s := newBoth()
	for c := range in {
		n += len(c.buf)
		c.nodes = []Hash256{addBlocks(s, c.buf)}
		h.release(c)
	}
	eachZeros(h.padding(n), s.write1)
	return s.Sum()
}

// naturalRoot returns the root over the blocks of data, filled up to the next
// power of two only.
func naturalRoot(data []byte) Hash256 {
	var room [chunkSize / BlockSize]Hash256
	leaves := AppendLeaves(room[:0], data)
	return fold(leaves, ceilPow2(len(leaves)), 0)
}

// addBlocks adds data to s, and returns its natural root.
func addBlocks(s *both, data []byte) Hash256 {
	var room [chunkSize / BlockSize]Hash256
	leaves := room[:0]
	for b := range slices.Chunk(data, BlockSize) {
		leaves = append(leaves, s.Write(b))
	}
	return fold(leaves, ceilPow2(len(leaves)), 0)
}

// padding returns how many zeros fill n bytes up to a whole piece, where that
// is asked for.
func (h *hasher) padding(n int) int {
	if !h.cfg.PadV1 {
		return 0
	}
	return int(h.cfg.PieceLength) - n
}

func (h *hasher) pieces() []Hash {
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
func (h *hasher) tree() (root Hash256, layer []Hash256) {
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
	*last = lift(*last, log2(ceilPow2(int(ceilDiv(tail, BlockSize)))), level)
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
