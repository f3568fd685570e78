package assembly

import (
	"slices"

	"p2pfs/swarm/hashing"
)

// A Buffer has the bytes of a block. Those who read it share it, and each
// releases it once.
type Buffer interface {
	Bytes() []byte
	Retain()
	Release()
}

// A Span is a run of verified blocks of a piece, from block First on. Those who
// have spans share the buffers, not the slice: whoever lets go of a block clears
// his own, on a goroutine of his own.
type Span struct {
	First  int
	Blocks []Buffer
}

// Release lets go of the buffers.
func (s Span) Release() {
	for _, b := range s.Blocks {
		b.Release()
	}
}

// Part is the blocks first up to and without end, retained for the caller.
func (s Span) Part(first, end int) Span {
	out := Span{first, slices.Clone(s.Blocks[first-s.First : end-s.First])}
	for _, b := range out.Blocks {
		b.Retain()
	}
	return out
}

// Bytes are the blocks as slices, valid until Release.
func (s Span) Bytes() [][]byte {
	out := make([][]byte, len(s.Blocks))
	for i, b := range s.Blocks {
		out[i] = b.Bytes()
	}
	return out
}

// Room is the bytes that the buffers take.
func (s Span) Room() int64 { return int64(len(s.Blocks)) * hashing.BlockSize }

// CopyTo fills p from the piece, beginning begin bytes into it.
func (s Span) CopyTo(p []byte, begin int64) {
	n, at := int(begin)/hashing.BlockSize-s.First, int(begin)%hashing.BlockSize
	for len(p) > 0 && n < len(s.Blocks) {
		c := copy(p, s.Blocks[n].Bytes()[at:])
		p, n, at = p[c:], n+1, 0
	}
}
