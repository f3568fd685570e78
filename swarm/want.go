package swarm

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"p2pfs/swarm/picker"
)

// ErrTimeout is returned by a read that made no progress for as long as its
// Spec allows.
var ErrTimeout = errors.New("no progress")

// want is what a reader waits for: blocks first up to and without end of a
// piece. Its outcome is sent once, unless it was withdrawn.
type want struct {
	piece, first, end int
	sparing           bool // the rest of the piece is not wanted
	lost              bool // the storage said it has the piece and could not read it
	since             time.Time
	done              chan outcome // has room for one
}

// outcome ends a want. With neither data nor err the piece is in the storage.
type outcome struct {
	data span
	err  error
}

// readers is what those who read wait for, and will. Owned by the loop.
type readers struct {
	wants    map[int][]*want // by piece
	early    []*want         // before there was metadata: never, but for a torrent that is opening
	windows  map[*Reader]map[*stream]*ahead
	progress map[int]time.Time // by wanted piece: when a block of it last came
	rest     map[int]time.Time // pieces of which blocks were read, not yet whole
	timeout  time.Duration
}

func newReaders(timeout time.Duration) readers {
	return readers{
		wants:    map[int][]*want{},
		windows:  map[*Reader]map[*stream]*ahead{},
		progress: map[int]time.Time{},
		rest:     map[int]time.Time{},
		timeout:  timeout,
	}
}

// waiting is the number of wants.
func (rs *readers) waiting() (n int) {
	for _, ws := range rs.wants {
		n += len(ws)
	}
	return n + len(rs.early)
}

// active reports whether anything is wanted or fetched ahead.
func (rs *readers) active() bool { return len(rs.wants) > 0 || len(rs.windows) > 0 || len(rs.rest) > 0 }

func (rs *readers) idle() bool { return !rs.active() && len(rs.early) == 0 }

// wantsEvent posts the wants of one read together.
type wantsEvent []*want

func (e wantsEvent) apply(l *loop) {
	l.awake = l.now
	l.t.client.bandwidth.reads(l.now)
	for _, w := range e {
		w.since = l.now
		l.want(w)
	}
	l.refocus()
	l.scheduleAll()
	l.dial()
	l.announce.tick(l)
}

func (l *loop) want(w *want) {
	if l.content == nil {
		l.readers.early = append(l.readers.early, w)
		return
	}
	if data, ok := l.pieces.verified(w.piece, w.first, w.end, l.now); ok {
		w.done <- outcome{data: data}
		return
	}
	if l.picker.Pieces.Have(w.piece) {
		if !w.lost {
			w.done <- outcome{}
			return
		}
		l.lost(w.piece)
	}
	l.readers.wants[w.piece] = append(l.readers.wants[w.piece], w)
	if l.readers.progress[w.piece].IsZero() {
		l.readers.progress[w.piece] = l.now
	}
	l.hurry(w.piece)
	if p := l.pieces.partial[w.piece]; p != nil { // some of it came unread
		l.leaves.ask(l, picker.Block{Piece: w.piece, N: w.first})
		l.judge(w.piece)
	}
}

// withdrawEvent takes wants back whose readers gave up.
type withdrawEvent []*want

func (e withdrawEvent) apply(l *loop) {
	for _, w := range e {
		ws := l.readers.wants[w.piece]
		if i := slices.Index(ws, w); i >= 0 {
			l.readers.setWants(w.piece, slices.Delete(ws, i, i+1))
		}
		select {
		case o := <-w.done: // answered while it was being withdrawn
			o.data.release()
		default:
		}
	}
	l.refocus()
}

func (rs *readers) setWants(piece int, ws []*want) {
	if len(ws) > 0 {
		rs.wants[piece] = ws
		return
	}
	delete(rs.wants, piece)
	delete(rs.progress, piece)
}

// satisfy answers everybody who waits for a piece that was verified.
func (rs *readers) satisfy(piece int, data span) {
	for _, w := range rs.wants[piece] {
		w.done <- outcome{data: data.part(w.first, w.end)}
	}
	rs.setWants(piece, nil)
}

// satisfyGood answers those whose blocks of a partial piece are all verified.
func (rs *readers) satisfyGood(piece int, p *partial) {
	var left []*want
	more := false
	for _, w := range rs.wants[piece] {
		if p.covers(w.first, w.end) {
			more = more || !w.sparing
			w.done <- outcome{data: span{0, p.blocks}.part(w.first, w.end)}
		} else {
			left = append(left, w)
		}
	}
	if more {
		rs.rest[piece] = time.Now()
	}
	if len(left) < len(rs.wants[piece]) {
		rs.setWants(piece, left)
	}
}

// reading reports whether a piece is waited for, or in a window.
func (rs *readers) reading(piece int) bool {
	if rs.wants[piece] != nil {
		return true
	}
	for _, streams := range rs.windows {
		for _, a := range streams {
			if piece >= a.first && piece < a.end {
				return true
			}
		}
	}
	return false
}

// fail answers everybody who waits for a piece with an error.
func (rs *readers) fail(piece int, err error) {
	for _, w := range rs.wants[piece] {
		w.done <- outcome{err: err}
	}
	rs.setWants(piece, nil)
}

func (rs *readers) failAll(err error) {
	for piece := range rs.wants {
		rs.fail(piece, err)
	}
	for _, w := range rs.early {
		w.done <- outcome{err: err}
	}
	rs.early = nil
}

func (rs *readers) opened(l *loop) {
	early := rs.early
	rs.early = nil
	for _, w := range early {
		l.want(w)
	}
	l.refocus()
}

// expire fails reads that made no progress for too long and forgets windows
// of readers that went quiet.
func (rs *readers) expire(l *loop) {
	if len(rs.wants) > 0 {
		l.t.client.bandwidth.reads(l.now)
	}
	if rs.timeout > 0 {
		for piece, since := range rs.progress {
			if l.now.Sub(since) > rs.timeout {
				err := fmt.Errorf("piece %d: %w for %v: %s", piece, ErrTimeout, rs.timeout, l.why(piece))
				if l.causes.news(l.cause(piece)) {
					l.log.Warn("reads fail", "infohash", l.t.hashes[0], "err", err)
				}
				rs.fail(piece, err)
			}
		}
	}
	if len(rs.rest) > 0 && len(rs.wants) == 0 {
		l.refocus()
	}
	for r, streams := range rs.windows {
		for s, a := range streams {
			if l.now.Sub(a.used) > aheadExpiry {
				delete(streams, s)
			}
		}
		if len(streams) == 0 {
			delete(rs.windows, r)
		}
	}
}
