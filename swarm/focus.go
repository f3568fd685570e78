package swarm

import (
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/reads"
)

// aheadEvent moves the window of a stream of a file, or drops it.
type aheadEvent struct {
	file int
	move reads.Move
}

func (e aheadEvent) apply(l *loop) {
	switch m := e.move; {
	case l.content == nil:
		return
	case m.End <= m.From:
		l.reads.Drop(m.Stream)
	default:
		first, from := l.info().Pieces.At(e.file, m.From)
		last, to := l.info().Pieces.At(e.file, m.End-1)
		l.reads.Ahead(m.Stream, reads.Window{
			First: first, End: last + 1,
			From: int(from / hashing.BlockSize), To: int(to/hashing.BlockSize) + 1,
		}, l.now)
		l.awake = l.now
	}
	l.refocus()
	l.scheduleAll()
}

// closeEvent drops what is fetched ahead of a reader that was closed.
type closeEvent []*reads.Stream

func (e closeEvent) apply(l *loop) {
	l.reads.Drop(e...)
	l.refocus()
	l.scheduleAll()
}

// refocus tells the picker what is urgent.
func (l *loop) refocus() {
	if l.content == nil {
		return
	}
	t := reading{l}
	for piece := range l.reads.Wants.Pieces() {
		if !t.ByBlock(piece) {
			l.hash.layers.Want(piece)
		}
	}
	l.picker.SetUrgent(l.reads.Urgent(t, l.now, l.t.client.bandwidth.quiet(l.now)))
	l.do(l.hash.layers.Tick(l.now))
	l.interest()
}

// reading is a torrent as its reads see it.
type reading struct{ l *loop }

var _ reads.Torrent = reading{}

func (t reading) Here(piece int) bool {
	return t.l.picker.Pieces.Have(piece) || t.l.assembly.Whole(piece)
}
func (t reading) Begun(piece int) bool   { return t.l.assembly.Begun(piece) }
func (t reading) ByBlock(piece int) bool { return t.l.hash.leaves.ByBlock(piece) }
func (t reading) Blocks(piece int) int   { return t.l.info().Pieces.Blocks(piece) }
