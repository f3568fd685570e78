package swarm

import (
	"fmt"
	"slices"
	"time"

	"github.com/bits-and-blooms/bitset"

	"p2pfs/swarm/wire"
)

const (
	// suggestAhead is how many bytes a peer is suggested beyond the piece that
	// it is asking for: what it asks for in advance.
	suggestAhead = 512 << 10
	// suggestAgain is when a seeder that has suggested everything once looks
	// again for pieces that nobody has: whoever took them may have left.
	suggestAgain = time.Minute
)

// handing is how a seeder spreads its pieces: leechers that choose at random
// what to ask it for choose the same piece now and then, and more often the
// fewer are left that nobody else has. So each is told pieces of his own
// (BEP 6), in order from a random one on, until every piece is with some
// leecher. Owned by the loop.
type handing struct {
	given *bitset.BitSet // asked for, or suggested to somebody
	again []int          // suggested to one who did not take it
	next  int
	left  int       // pieces to look at before it was all of them
	at    time.Time // when left was last set
}

// out notes that a piece is being fetched by somebody.
func (h *handing) out(piece int) {
	if h.given != nil {
		h.given.Set(uint(piece))
	}
}

// back takes back what was suggested to a peer that will not ask for it now.
func (h *handing) back(r *remote) {
	h.again = append(h.again, r.up.suggested...)
	r.up.suggested = nil
}

// take returns a piece that was given to nobody and that no leecher has, or -1.
func (h *handing) take(l *loop) int {
	n := l.picker.Pieces()
	if h.given == nil {
		h.given, h.next = bitset.New(uint(n)), l.rng.Intn(n)
	}
	for len(h.again) > 0 {
		piece := h.again[0]
		h.again = h.again[1:]
		if l.picker.Spread(piece) == 0 {
			return piece
		}
	}
	if h.left == 0 && l.now.Sub(h.at) >= suggestAgain {
		h.given.ClearAll()
		h.left, h.at = n, l.now
	}
	for h.left > 0 {
		piece := h.next
		h.next, h.left = (h.next+1)%n, h.left-1
		if !h.given.Test(uint(piece)) && l.picker.Spread(piece) == 0 {
			h.given.Set(uint(piece))
			return piece
		}
	}
	return -1
}

// suggest tells a peer that fetches from us what to ask for next. Only a
// seeder does: who lacks pieces himself cannot tell which are rare.
func (l *loop) suggest(r *remote) {
	if r.up.choking || !r.hs.Fast() || r.pp.All || l.content == nil || l.hungry() || l.picker.HaveCount() < l.picker.Pieces() {
		return
	}
	r.up.suggested = slices.DeleteFunc(r.up.suggested, func(piece int) bool {
		return piece == r.up.piece || r.pp.Has.Test(uint(piece))
	})
	for want := 1 + suggestAhead/int(l.info().PieceLength); len(r.up.suggested) < want; {
		piece := l.uploads.handed.take(l)
		if piece < 0 {
			return
		}
		r.up.suggested = append(r.up.suggested, piece)
		r.conn.Send(func(dst []byte) []byte { return wire.AppendSuggest(dst, piece) })
	}
}

// onSuggest notes what a peer would like to be asked for (BEP 6).
func (l *loop) onSuggest(r *remote, piece int) error {
	if !r.hs.Fast() {
		return errFast
	}
	if l.content == nil {
		return nil
	}
	if piece >= l.picker.Pieces() {
		return fmt.Errorf("suggest %d: %w", piece, errPiece)
	}
	l.picker.Suggest(r.id, piece)
	return nil
}
