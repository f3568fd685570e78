package swarm

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/picker"
)

// ErrTimeout is returned by a read that made no progress for as long as its
// Spec allows.
var ErrTimeout = errors.New("no progress")

// aheadExpiry is how long a window ahead of a reader is fetched after the
// reader was last heard of.
const aheadExpiry = 30 * time.Second

// quietFor is how long nobody may have read before the rest of pieces is
// fetched that were read in part.
const quietFor = time.Second

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

// ahead is a run of blocks that a reader will probably want: from block from
// of piece first up to and without block to of piece end-1.
type ahead struct {
	first, end int // pieces
	from, to   int // blocks
	used       time.Time
}

// urgent is what is wanted of a piece of the run: the whole piece, unless its
// blocks can be verified one by one.
func (a *ahead) urgent(l *loop, piece int, due time.Time) picker.Urgent {
	u := picker.Urgent{Piece: piece, End: l.info().Blocks(piece), Deadline: due}
	if !l.byBlock(piece) {
		return u
	}
	if piece == a.first {
		u.First = a.from
	}
	if piece == a.end-1 {
		u.End = a.to
	}
	return u
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
	l.t.client.reads(l.now)
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
	if l.picker.Have(w.piece) {
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
		l.t.client.reads(l.now)
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

// aheadEvent moves the window of a stream to the bytes from..end of the file;
// an empty one drops it, and no stream drops all of the reader's.
type aheadEvent struct {
	reader    *Reader
	stream    *stream
	from, end int64
}

func (e aheadEvent) apply(l *loop) {
	rs := &l.readers
	switch {
	case l.content == nil:
		return
	case e.stream == nil:
		delete(rs.windows, e.reader)
	case e.end <= e.from:
		delete(rs.windows[e.reader], e.stream)
	default:
		if rs.windows[e.reader] == nil {
			rs.windows[e.reader] = map[*stream]*ahead{}
		}
		first, from := l.info().FilePiece(e.reader.file, e.from)
		last, to := l.info().FilePiece(e.reader.file, e.end-1)
		rs.windows[e.reader][e.stream] = &ahead{
			first: first, end: last + 1, used: l.now,
			from: int(from / metainfo.BlockSize), to: int(to/metainfo.BlockSize) + 1,
		}
		l.awake = l.now
	}
	l.refocus()
	l.scheduleAll()
}

// refocus tells the picker what is urgent: first what readers wait for, in
// the order they came, then the windows, nearest pieces first.
func (l *loop) refocus() {
	if l.content == nil {
		return
	}
	var list []picker.Urgent
	for piece, ws := range l.readers.wants {
		list = append(list, l.urgents(piece, ws)...)
	}
	for _, streams := range l.readers.windows {
		for _, a := range streams {
			for i := a.first; i < a.end; i++ {
				if !l.picker.Have(i) && !l.pieces.inMemory(i) && (l.readers.wants[i] == nil || l.byBlock(i)) {
					due := l.now.Add(time.Duration(i-a.first+1) * time.Second)
					list = append(list, a.urgent(l, i, due))
				}
			}
		}
	}
	if len(list) == 0 {
		list = l.readers.restOf(l)
	}
	slices.SortFunc(list, func(a, b picker.Urgent) int {
		return cmp.Or(a.Deadline.Compare(b.Deadline), cmp.Compare(a.Piece, b.Piece))
	})
	l.picker.SetUrgent(list)
	l.layers.schedule(l)
	l.interest()
}

// urgents are the blocks of a piece that readers wait for: just theirs where
// blocks can be verified one by one, else the whole piece.
func (l *loop) urgents(piece int, ws []*want) (out []picker.Urgent) {
	if !l.byBlock(piece) {
		l.layers.want(l, piece)
		return []picker.Urgent{{Piece: piece, End: l.info().Blocks(piece), Deadline: ws[0].since}}
	}
	for _, w := range ws {
		out = append(out, picker.Urgent{Piece: piece, First: w.first, End: w.end, Deadline: w.since})
	}
	return out
}

// restOf is what is left of pieces of which blocks were read: fetched while
// nobody wants anything, and nobody has for a moment.
func (rs *readers) restOf(l *loop) (out []picker.Urgent) {
	if l.t.client.quiet(l.now) < quietFor {
		return nil
	}
	for piece, at := range rs.rest {
		if l.now.Sub(at) > aheadExpiry || l.picker.Have(piece) || l.pieces.inMemory(piece) || l.pieces.partial[piece] == nil {
			delete(rs.rest, piece)
			continue
		}
		out = append(out, picker.Urgent{Piece: piece, End: l.info().Blocks(piece), Deadline: at.Add(time.Hour)})
	}
	return out
}
