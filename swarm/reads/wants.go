package reads

import (
	"iter"
	"maps"
	"slices"
	"time"
)

// A Want is what a read waits for: blocks First up to and without End of a
// piece.
type Want struct {
	Piece, First, End int
	Sparing           bool // the rest of the piece is not wanted
	Since             time.Time

	// For is whatever the caller needs to answer it; it is not looked at.
	For any
}

// Wants is everything that reads wait for.
type Wants struct {
	of       map[int][]*Want   // by piece, in the order they came; never empty
	progress map[int]time.Time // by wanted piece: when a block of it last came
}

func newWants() Wants {
	return Wants{of: map[int][]*Want{}, progress: map[int]time.Time{}}
}

// Add notes that somebody waits since now.
func (ws *Wants) Add(w *Want, now time.Time) {
	w.Since = now
	ws.of[w.Piece] = append(ws.of[w.Piece], w)
	if ws.progress[w.Piece].IsZero() {
		ws.progress[w.Piece] = now
	}
}

// Of are those who wait for blocks of a piece, nil if nobody does. The caller
// does not change it.
func (ws *Wants) Of(piece int) []*Want { return ws.of[piece] }

// Pieces are those that somebody waits for.
func (ws *Wants) Pieces() iter.Seq[int] { return maps.Keys(ws.of) }

// Progress notes that a block of a piece came.
func (ws *Wants) Progress(piece int, now time.Time) {
	if ws.of[piece] != nil {
		ws.progress[piece] = now
	}
}

// Withdraw takes a want back whose reader gave up. One that was answered
// meanwhile is not there any more.
func (ws *Wants) Withdraw(w *Want) {
	list := ws.of[w.Piece]
	if i := slices.Index(list, w); i >= 0 {
		ws.set(w.Piece, slices.Delete(list, i, i+1))
	}
}

func (ws *Wants) set(piece int, list []*Want) {
	if len(list) > 0 {
		ws.of[piece] = list
		return
	}
	delete(ws.of, piece)
	delete(ws.progress, piece)
}

// Take returns all who wait for a piece, to be answered.
func (ws *Wants) Take(piece int) []*Want {
	list := ws.of[piece]
	ws.set(piece, nil)
	return list
}

// TakeIf returns those who wait for a piece and whose blocks may be read, to be
// answered.
func (ws *Wants) TakeIf(piece int, readable func(first, end int) bool) (out []*Want) {
	var left []*Want
	for _, w := range ws.of[piece] {
		if readable(w.First, w.End) {
			out = append(out, w)
		} else {
			left = append(left, w)
		}
	}
	if len(out) > 0 {
		ws.set(piece, left)
	}
	return out
}

// TakeAll returns everybody, to be answered.
func (ws *Wants) TakeAll() (out []*Want) {
	for piece := range ws.of {
		out = append(out, ws.Take(piece)...)
	}
	return out
}

// Count is the number of wants.
func (ws *Wants) Count() (n int) {
	for _, list := range ws.of {
		n += len(list)
	}
	return n
}

// Oldest is how long the longest waiting read has waited.
func (ws *Wants) Oldest(now time.Time) (d time.Duration) {
	for _, list := range ws.of {
		d = max(d, now.Sub(list[0].Since))
	}
	return d
}

// Stalled are the wanted pieces of which no block came for longer than patience.
func (ws *Wants) Stalled(now time.Time, patience time.Duration) (pieces []int) {
	for piece, since := range ws.progress {
		if now.Sub(since) > patience {
			pieces = append(pieces, piece)
		}
	}
	return pieces
}

// Among are the reads that wait for pieces first up to and without end: how
// many, and which piece has come no further for longest, since when.
func (ws *Wants) Among(first, end int) (count, piece int, since time.Time) {
	for i, list := range ws.of {
		if i < first || i >= end {
			continue
		}
		if at := ws.progress[i]; count == 0 || at.Before(since) {
			piece, since = i, at
		}
		count += len(list)
	}
	return count, piece, since
}
