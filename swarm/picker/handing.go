package picker

import (
	"time"

	"github.com/bits-and-blooms/bitset"
)

// handAgain is when a seeder that has suggested everything once looks again
// for pieces that nobody has: whoever took them may have left.
const handAgain = time.Minute

// Handing is how a seeder spreads its pieces: leechers that choose at random
// what to ask it for choose the same piece now and then, and more often the
// fewer are left that nobody else has. So each is suggested pieces of his own
// (BEP 6), in order from a random one on, until every piece is with some
// leecher. The zero value is ready; it is owned as its Picker is.
type Handing struct {
	given *bitset.BitSet // asked for, or suggested to somebody
	again []int          // suggested to one who did not take it
	next  int
	left  int       // pieces to look at before it was all of them
	at    time.Time // when left was last set
}

// Out notes that a piece was asked for: it need not be suggested.
func (h *Handing) Out(piece int) {
	if h.given != nil {
		h.given.Set(uint(piece))
	}
}

// Back takes back what was suggested to a peer that will not ask for it now.
func (h *Handing) Back(pieces []int) { h.again = append(h.again, pieces...) }

// Take returns a piece that was given to nobody and that no leecher has, or
// -1. The Picker must hold all pieces: who lacks some cannot tell which are
// rare.
func (h *Handing) Take(p *Picker, now time.Time) int {
	n := p.Pieces.Count()
	if h.given == nil {
		h.given, h.next = bitset.New(uint(n)), p.rng.Intn(n)
	}
	for len(h.again) > 0 {
		piece := h.again[0]
		h.again = h.again[1:]
		if p.Pieces.order.avail(piece) == 0 {
			return piece
		}
	}
	if h.left == 0 && now.Sub(h.at) >= handAgain {
		h.given.ClearAll()
		h.left, h.at = n, now
	}
	for h.left > 0 {
		piece := h.next
		h.next, h.left = (h.next+1)%n, h.left-1
		if !h.given.Test(uint(piece)) && p.Pieces.order.avail(piece) == 0 {
			h.given.Set(uint(piece))
			return piece
		}
	}
	return -1
}
