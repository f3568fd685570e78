package reads

import (
	"cmp"
	"slices"
	"time"

	"p2pfs/swarm/picker"
)

const (
	// aheadExpiry is how long a window ahead of a reader is fetched after the
	// reader was last heard of.
	aheadExpiry = 30 * time.Second
	// quietFor is how long nobody may have read before the rest of pieces is
	// fetched that were read in part.
	quietFor = time.Second
	// restDelay puts the rest of pieces behind whatever else is urgent.
	restDelay = time.Hour
)

// Torrent is what is known of a torrent's pieces.
type Torrent interface {
	// Here reports whether the piece is verified and can be read.
	Here(piece int) bool
	// Begun reports whether some of its blocks have come.
	Begun(piece int) bool
	// ByBlock reports whether its blocks can be verified one by one.
	ByBlock(piece int) bool
	// Blocks is how many it has.
	Blocks(piece int) int
}

// A Window is a run of blocks that a reader will probably want: from block From
// of piece First up to and without block To of piece End-1.
type Window struct {
	First, End int // pieces
	From, To   int // blocks
	used       time.Time
}

// urgent is what is wanted of a piece of the window: the whole piece, unless its
// blocks can be verified one by one.
func (w *Window) urgent(t Torrent, piece int, now time.Time) picker.Urgent {
	due := now.Add(time.Duration(piece-w.First+1) * time.Second)
	u := picker.Urgent{Piece: piece, End: t.Blocks(piece), Deadline: due}
	if !t.ByBlock(piece) {
		return u
	}
	if piece == w.First {
		u.First = w.From
	}
	if piece == w.End-1 {
		u.End = w.To
	}
	return u
}

// Reads is what those who read a torrent wait for, and will.
type Reads struct {
	Wants Wants

	windows map[*Stream]*Window
	rest    map[int]time.Time // pieces of which blocks were read, not yet whole
}

// New returns Reads of which nobody wants anything.
func New() Reads {
	return Reads{Wants: newWants(), windows: map[*Stream]*Window{}, rest: map[int]time.Time{}}
}

// Ahead moves the window of a stream, which is heard of now.
func (r *Reads) Ahead(s *Stream, w Window, now time.Time) {
	w.used = now
	r.windows[s] = &w
}

// Drop lets go of what is fetched ahead of streams.
func (r *Reads) Drop(streams ...*Stream) {
	for _, s := range streams {
		delete(r.windows, s)
	}
}

// Rest notes that blocks of a piece were read before it is whole: it is fetched
// when nobody has read for a moment.
func (r *Reads) Rest(piece int, now time.Time) { r.rest[piece] = now }

// Reading reports whether a piece is waited for, or in a window.
func (r *Reads) Reading(piece int) bool {
	if r.Wants.Of(piece) != nil {
		return true
	}
	for _, w := range r.windows {
		if piece >= w.First && piece < w.End {
			return true
		}
	}
	return false
}

// Active reports whether anything is wanted or fetched ahead.
func (r *Reads) Active() bool {
	return len(r.Wants.of) > 0 || len(r.windows) > 0 || len(r.rest) > 0
}

// Expire forgets the windows of readers that went quiet. It reports whether what
// is urgent may have changed by time alone.
func (r *Reads) Expire(now time.Time) (refocus bool) {
	for s, w := range r.windows {
		if now.Sub(w.used) > aheadExpiry {
			delete(r.windows, s)
		}
	}
	return len(r.rest) > 0 && len(r.Wants.of) == 0
}

// Urgent is what the picker is to be told: first what reads wait for, in the
// order they came, then the windows, nearest pieces first; if there is none of
// either, and no reader of any torrent was heard of for quiet, the rest of pieces
// that were read in part. What is here is in none of them.
func (r *Reads) Urgent(t Torrent, now time.Time, quiet time.Duration) []picker.Urgent {
	var list []picker.Urgent
	for piece, wants := range r.Wants.of {
		list = appendWanted(list, t, piece, wants)
	}
	for _, w := range r.windows {
		for i := w.First; i < w.End; i++ {
			if !t.Here(i) && (r.Wants.Of(i) == nil || t.ByBlock(i)) {
				list = append(list, w.urgent(t, i, now))
			}
		}
	}
	if len(list) == 0 && quiet >= quietFor {
		list = r.appendRest(list, t, now)
	}
	slices.SortFunc(list, func(a, b picker.Urgent) int {
		return cmp.Or(a.Deadline.Compare(b.Deadline), cmp.Compare(a.Piece, b.Piece))
	})
	return list
}

// appendWanted appends the blocks of a piece that reads wait for: just theirs
// where blocks can be verified one by one, else the whole piece.
func appendWanted(list []picker.Urgent, t Torrent, piece int, wants []*Want) []picker.Urgent {
	if !t.ByBlock(piece) {
		return append(list, picker.Urgent{Piece: piece, End: t.Blocks(piece), Deadline: wants[0].Since})
	}
	for _, w := range wants {
		list = append(list, picker.Urgent{Piece: piece, First: w.First, End: w.End, Deadline: w.Since})
	}
	return list
}

// appendRest appends what is left of pieces of which blocks were read, as long as
// those blocks are still in memory.
func (r *Reads) appendRest(list []picker.Urgent, t Torrent, now time.Time) []picker.Urgent {
	for piece, at := range r.rest {
		if now.Sub(at) > aheadExpiry || t.Here(piece) || !t.Begun(piece) {
			delete(r.rest, piece)
			continue
		}
		list = append(list, picker.Urgent{Piece: piece, End: t.Blocks(piece), Deadline: at.Add(restDelay)})
	}
	return list
}
