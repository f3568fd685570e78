package swarm

import (
	"cmp"
	"slices"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/picker"
)

// aheadExpiry is how long a window ahead of a reader is fetched after the
// reader was last heard of.
const aheadExpiry = 30 * time.Second

// quietFor is how long nobody may have read before the rest of pieces is
// fetched that were read in part.
const quietFor = time.Second

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
	u := picker.Urgent{Piece: piece, End: l.info().Pieces.Blocks(piece), Deadline: due}
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
		first, from := l.info().Pieces.At(e.reader.file, e.from)
		last, to := l.info().Pieces.At(e.reader.file, e.end-1)
		rs.windows[e.reader][e.stream] = &ahead{
			first: first, end: last + 1, used: l.now,
			from: int(from / hashing.BlockSize), to: int(to/hashing.BlockSize) + 1,
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
				if !l.picker.Pieces.Have(i) && !l.pieces.inMemory(i) && (l.readers.wants[i] == nil || l.byBlock(i)) {
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
		return []picker.Urgent{{Piece: piece, End: l.info().Pieces.Blocks(piece), Deadline: ws[0].since}}
	}
	for _, w := range ws {
		out = append(out, picker.Urgent{Piece: piece, First: w.first, End: w.end, Deadline: w.since})
	}
	return out
}

// restOf is what is left of pieces of which blocks were read: fetched while
// nobody wants anything, and nobody has for a moment.
func (rs *readers) restOf(l *loop) (out []picker.Urgent) {
	if l.t.client.bandwidth.quiet(l.now) < quietFor {
		return nil
	}
	for piece, at := range rs.rest {
		if l.now.Sub(at) > aheadExpiry || l.picker.Pieces.Have(piece) || l.pieces.inMemory(piece) || l.pieces.partial[piece] == nil {
			delete(rs.rest, piece)
			continue
		}
		out = append(out, picker.Urgent{Piece: piece, End: l.info().Pieces.Blocks(piece), Deadline: at.Add(time.Hour)})
	}
	return out
}
