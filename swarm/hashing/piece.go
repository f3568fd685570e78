package hashing

import (
	"crypto/sha1"
	"hash"
	"slices"
)

// Piece computes the hashes of a piece that comes in parts. It must be made by
// NewPiece, and belongs to one goroutine.
type Piece struct {
	sha1   hash.Hash // of version 1 alone
	both   *both     // of a hybrid
	leaves []Hash256 // of version 2 alone
}

// NewPiece returns a Piece of the versions that a torrent has, with room for
// the hashes of size bytes.
func NewPiece(v1, v2 bool, size int) *Piece {
	p := &Piece{}
	switch {
	case v1 && v2:
		p.both = newBoth()
	case v1:
		p.sha1 = sha1.New()
	}
	if v2 {
		p.leaves = make([]Hash256, 0, ceilDiv(int64(size), BlockSize))
	}
	return p
}

// Reset forgets what was written.
func (p *Piece) Reset() {
	p.leaves = p.leaves[:0]
	switch {
	case p.both != nil:
		p.both.Reset()
	case p.sha1 != nil:
		p.sha1.Reset()
	}
}

// Write adds a part: with version 2 whole blocks, or the piece's end. Parts of
// several blocks are what it is made for.
func (p *Piece) Write(part []byte) {
	switch {
	case p.both != nil:
		for b := range slices.Chunk(part, BlockSize) {
			p.leaves = append(p.leaves, p.both.Write(b))
		}
	case p.sha1 != nil:
		p.sha1.Write(part)
	default:
		p.leaves = AppendLeaves(p.leaves, part)
	}
}

// Sum returns the SHA-1 of what was written with pad zeros behind it, and the
// root over its blocks at a width, as Root has it; zero for a version that was
// not asked for. Only Reset may follow.
func (p *Piece) Sum(pad, width int) (v1 Hash, v2 Hash256) {
	if p.sha1 != nil {
		eachZeros(pad, func(z []byte) { p.sha1.Write(z) })
		p.sha1.Sum(v1[:0])
		return v1, v2
	}
	if p.both != nil {
		eachZeros(pad, p.both.write1)
		v1 = p.both.Sum()
	}
	return v1, Root(p.leaves, width)
}

// Sum1Pieces returns the SHA-1 of two pieces, whose blocks are a and b, with
// pad zeros behind each. If they are cut alike it takes little more than half
// the time of hashing them one after the other; ok is false if they are not.
func Sum1Pieces(a, b [][]byte, pad int) (x, y Hash, ok bool) {
	like := func(a, b []byte) bool { return len(a) == len(b) }
	if !slices.EqualFunc(a, b, like) {
		return x, y, false
	}
	h := NewPair1()
	for k := range a {
		h.Write(a[k], b[k])
	}
	eachZeros(pad, func(z []byte) { h.Write(z, z) })
	x, y = h.Sum()
	return x, y, true
}

var zeros [64 << 10]byte // read only

// eachZeros calls f with zeros, n in all.
func eachZeros(n int, f func(z []byte)) {
	for ; n > 0; n -= len(zeros) {
		f(zeros[:min(n, len(zeros))])
	}
}
