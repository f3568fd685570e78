package swarm

import (
	"errors"
	"fmt"

	"p2pfs/swarm/assembly"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/reads"
)

// ErrTimeout is returned by a read that made no progress for as long as its
// Spec allows.
var ErrTimeout = errors.New("no progress")

// want is a reads.Want whose reader waits at done. It is answered once, unless it
// was withdrawn.
type want struct {
	reads.Want
	lost bool         // the storage had the piece no more when it was read
	done chan outcome // has room for one
}

// outcome ends a want. With neither data nor err the piece is in the storage.
type outcome struct {
	data assembly.Span
	err  error
}

// answer ends a want that was taken out of the loop's reads.
func answer(w *reads.Want, o outcome) { w.For.(*want).done <- o }

// wantsEvent posts the wants of one read together.
type wantsEvent []*want

func (e wantsEvent) apply(l *loop) {
	l.awake = l.now
	l.t.client.bandwidth.reads(l.now)
	for _, w := range e {
		l.want(w)
	}
	l.refocus()
	l.scheduleAll()
	l.dial()
	l.find.announce.tick(l)
}

func (l *loop) want(w *want) {
	if data, ok := l.assembly.Read(w.Piece, w.First, w.End, l.now); ok {
		w.done <- outcome{data: data}
		return
	}
	if l.picker.Pieces.Have(w.Piece) {
		if !w.lost {
			w.done <- outcome{}
			return
		}
		l.lost(w.Piece)
	}
	l.reads.Wants.Add(&w.Want, l.now)
	l.hurry(w.Piece)
	if l.assembly.Begun(w.Piece) { // some of it came unread
		l.do(l.hash.leaves.Ask(picker.Block{Piece: w.Piece, N: w.First}, l.now))
		l.judge(w.Piece)
	}
}

// withdrawEvent takes wants back whose readers gave up.
type withdrawEvent []*want

func (e withdrawEvent) apply(l *loop) {
	for _, w := range e {
		l.reads.Wants.Withdraw(&w.Want)
		select {
		case o := <-w.done: // answered while it was being withdrawn
			o.data.Release()
		default:
		}
	}
	l.refocus()
}

// expireReads fails reads that made no progress for too long and forgets windows
// of readers that went quiet.
func (l *loop) expireReads() {
	wants := &l.reads.Wants
	if wants.Count() > 0 {
		l.t.client.bandwidth.reads(l.now)
	}
	if patience := l.t.spec.ReadTimeout; patience > 0 {
		for _, piece := range wants.Stalled(l.now, patience) {
			cause := l.causes.Why(l.scene(piece))
			err := fmt.Errorf("piece %d: %w for %v: %s%s", piece, ErrTimeout, patience, cause, l.trouble())
			if l.causes.News(cause) {
				l.log.Warn("reads fail", "infohash", l.t.hashes[0], "err", err)
			}
			for _, w := range wants.Take(piece) {
				answer(w, outcome{err: err})
			}
		}
	}
	if l.reads.Expire(l.now) {
		l.refocus()
	}
}
