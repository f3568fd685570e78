package swarm

import (
	"crypto/sha256"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/picker"
)

// judge verifies the blocks of a piece that readers wait for, as far as their
// leaves are known, and answers the readers whose blocks are good.
func (l *loop) judge(piece int) {
	p, k := l.pieces.partial[piece], l.hash.leaves.Of(piece)
	if p == nil || k == nil {
		return
	}
	bad := false
	for _, w := range l.reads.Wants.Of(piece) {
		for n := w.First; n < min(w.End, len(k)); n++ {
			bad = l.judgeBlock(p, picker.Block{Piece: piece, N: n}, k[n]) || bad
		}
	}
	for _, w := range l.reads.Wants.TakeIf(piece, p.covers) {
		if !w.Sparing {
			l.reads.Rest(piece, l.now)
		}
		answer(w, outcome{data: span{0, p.blocks}.part(w.First, w.End)})
	}
	if l.reads.Wants.Of(piece) == nil {
		l.refocus()
	}
	if bad {
		l.scheduleAll()
	}
}

// judgeBlock verifies one block; a false one is dropped and its sender accused.
func (l *loop) judgeBlock(p *partial, b picker.Block, leaf metainfo.Hash256) (bad bool) {
	buf := p.blocks[b.N]
	if buf == nil || p.good[b.N] || leaf.IsZero() {
		return false
	}
	if sha256.Sum256(buf.Bytes()) == leaf {
		p.good[b.N] = true
		return false
	}
	n := int64(len(buf.Bytes()))
	l.counts.wasted += n
	from := p.from[b.N]
	l.pieces.remove(p, b.N)
	l.picker.Pieces.Unreceive(b)
	l.accuse(from, b.Piece, n, "sent a block that does not verify")
	return true
}
