package swarm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"p2pfs/swarm/assembly"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/picker"
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
	l.fetch.all(l.now)
}

// closeEvent drops what is fetched ahead of a reader that was closed.
type closeEvent []*reads.Stream

func (e closeEvent) apply(l *loop) {
	l.reads.Drop(e...)
	l.refocus()
	l.fetch.all(l.now)
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
	l.fetch.interest()
}

// reading is a torrent as its reads see it.
type reading struct{ l *loop }

var _ reads.Torrent = reading{}

func (t reading) Here(piece int) bool {
	return t.l.picker.Pieces.Have(piece) || t.l.verify.assembly.Whole(piece)
}
func (t reading) Begun(piece int) bool   { return t.l.verify.assembly.Begun(piece) }
func (t reading) ByBlock(piece int) bool { return t.l.hash.leaves.ByBlock(piece) }
func (t reading) Blocks(piece int) int   { return t.l.info().Pieces.Blocks(piece) }

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
	l.fetch.all(l.now)
	l.find.dial(l.need())
	l.find.tell(l.need())
}

func (l *loop) want(w *want) {
	if data, ok := l.verify.assembly.Read(w.Piece, w.First, w.End, l.now); ok {
		w.done <- outcome{data: data}
		return
	}
	if l.picker.Pieces.Have(w.Piece) {
		if !w.lost {
			w.done <- outcome{}
			return
		}
		l.fetch.lost(w.Piece)
	}
	l.reads.Wants.Add(&w.Want, l.now)
	l.verify.hurry(w.Piece)
	if l.verify.assembly.Begun(w.Piece) { // some of it came unread
		l.do(l.hash.leaves.Ask(picker.Block{Piece: w.Piece, N: w.First}, l.now))
		l.verify.judge(w.Piece, l.now)
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
			cause, trouble := l.reasons.why(piece)
			err := fmt.Errorf("piece %d: %w for %v: %s%s", piece, ErrTimeout, patience, cause, trouble)
			if l.reasons.causes.News(cause) {
				l.log.Warn("reads fail", "infohash", l.t.naming.hashes[0], "err", err)
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

// Wait is what the reads of a file wait for.
type Wait struct {
	Reads int       // that wait
	Piece int       // what the one waits for that has waited longest
	Since time.Time // when it began, or a block of that piece last came
	Why   string    // in a sentence
}

// Waits tells what reads of a file wait for; Reads is 0 when none does, or
// ctx ended before the torrent answered.
func (t *Torrent) Waits(ctx context.Context, file int) Wait {
	e := waitsEvent{file, make(chan Wait, 1)}
	select {
	case t.events <- e:
	case <-ctx.Done():
		return Wait{}
	case <-t.done:
		return Wait{}
	}
	select {
	case w := <-e.reply:
		return w
	case <-ctx.Done():
	case <-t.done:
	}
	return Wait{}
}

type waitsEvent struct {
	file  int
	reply chan Wait // has room for one
}

func (e waitsEvent) apply(l *loop) {
	var w Wait
	if l.content != nil && e.file >= 0 && e.file < len(l.info().Files) {
		first, n := l.info().Pieces.OfFile(e.file)
		w.Reads, w.Piece, w.Since = l.reads.Wants.Among(first, first+n)
	}
	if w.Reads > 0 {
		cause, trouble := l.reasons.why(w.Piece)
		w.Why = fmt.Sprintf("waiting for piece %d: %s%s", w.Piece, cause, trouble)
	}
	e.reply <- w
}

// reasons tells readers what they wait for. Owned by the loop.
type reasons struct {
	causes   reads.Causes
	crowd    *crowd
	find     *finder
	assembly *assembly.Assembly
}

// why is what the reads of a piece wait for, and what keeps trackers from answering.
func (y *reasons) why(piece int) (cause, trouble string) {
	s := reads.Scene{Known: y.find.book.Len(), Connected: len(y.crowd.of), False: y.assembly.Suspects(piece)}
	s.Have, s.Choking = y.crowd.have(piece)
	if trouble = y.find.announce.trouble(); trouble != "" {
		trouble = "; " + trouble
	}
	return y.causes.Why(s), trouble
}
