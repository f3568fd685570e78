package picker

import (
	"math/rand"
	"slices"

	"github.com/bits-and-blooms/bitset"
)

// Pieces are the pieces of a torrent: which are held, which are to be fetched,
// and what of those under way has come or was asked for.
type Pieces struct {
	blocks   func(piece int) int
	have     *bitset.BitSet
	selected *bitset.BitSet
	order    order // of those that may be begun
	active   map[int]*partial
	started  []int // active pieces in the order they were begun
	free     int   // free blocks of selected active pieces
	missing  int   // selected pieces that are not held
}

func newPieces(n int, blocks func(piece int) int, rng *rand.Rand) Pieces {
	return Pieces{
		blocks: blocks, have: bitset.New(uint(n)), selected: bitset.New(uint(n)),
		order: newOrder(n, rng), active: map[int]*partial{},
	}
}

// Count is the number of pieces, held or not.
func (ps *Pieces) Count() int { return len(ps.order.where) }

// Have reports whether the piece is held.
func (ps *Pieces) Have(piece int) bool { return ps.have.Test(uint(piece)) }

// Held is the number of pieces held.
func (ps *Pieces) Held() int { return int(ps.have.Count()) }

// HeldSet is a copy of the set of pieces held.
func (ps *Pieces) HeldSet() *bitset.BitSet { return ps.have.Clone() }

// Missing is the number of pieces that are selected and not held.
func (ps *Pieces) Missing() int { return ps.missing }

// Select makes the piece one to be fetched without anybody reading it, or
// undoes that.
func (ps *Pieces) Select(piece int, on bool) {
	if ps.selected.Test(uint(piece)) == on {
		return
	}
	ps.selected.SetTo(uint(piece), on)
	if a := ps.active[piece]; a != nil {
		a.count(ps.total(piece))
	}
	if !ps.Have(piece) {
		if on {
			ps.missing++
		} else {
			ps.missing--
		}
	}
	ps.settle(piece)
}

// total is what the free blocks of a piece count into.
func (ps *Pieces) total(piece int) *int {
	if ps.selected.Test(uint(piece)) {
		return &ps.free
	}
	return nil
}

// settle puts the piece into the rarest-first order or takes it out,
// whichever its state asks for.
func (ps *Pieces) settle(piece int) {
	if ps.selected.Test(uint(piece)) && !ps.Have(piece) && ps.active[piece] == nil {
		ps.order.add(piece)
	} else {
		ps.order.remove(piece)
	}
}

// begin makes a piece active.
func (ps *Pieces) begin(piece int) *partial {
	a := &partial{piece: piece, state: make([]state, ps.blocks(piece)), total: ps.total(piece)}
	a.add(len(a.state))
	ps.active[piece] = a
	ps.started = append(ps.started, piece)
	ps.settle(piece)
	return a
}

// Received notes that a block has come from a peer. Wanted is false when the
// block is here already or its piece is not active. Others are the peers that
// were asked for it too and should be sent a cancel.
func (ps *Pieces) Received(b Block, id int) (wanted bool, others []int) {
	a := ps.active[b.Piece]
	if a == nil || a.state[b.N].here {
		return false, nil
	}
	return true, a.receive(b.N, id)
}

// Unreceive frees a block that has come: its bytes were dropped.
func (ps *Pieces) Unreceive(b Block) {
	if a := ps.active[b.Piece]; a != nil && a.state[b.N].here {
		a.state[b.N].here = false
		a.here--
		a.add(1)
	}
}

// Dropped notes that a peer will not send a block: it rejected it, choked us,
// or was too late.
func (ps *Pieces) Dropped(b Block, id int) {
	if a := ps.active[b.Piece]; a != nil {
		a.drop(b.N, id)
	}
}

// drop notes that a peer will send nothing more. Pieces rest then of which
// nothing has come and nothing is asked.
func (ps *Pieces) drop(id int) {
	for _, piece := range slices.Clone(ps.started) {
		a := ps.active[piece]
		if a.leave(id); a.rests() {
			ps.Forget(piece)
		}
	}
}

// Complete reports whether every block of the piece has come.
func (ps *Pieces) Complete(piece int) bool {
	a := ps.active[piece]
	return a != nil && a.here == len(a.state)
}

// Incoming reports whether another piece will probably be complete soon: a
// block of one was asked for.
func (ps *Pieces) Incoming() bool {
	for _, a := range ps.active {
		if a.free+a.here < len(a.state) {
			return true
		}
	}
	return false
}

// SetHave notes that the piece is verified and held, or that it was lost
// (evicted) and rests again.
func (ps *Pieces) SetHave(piece int, on bool) {
	if ps.selected.Test(uint(piece)) && ps.Have(piece) != on {
		if on {
			ps.missing--
		} else {
			ps.missing++
		}
	}
	ps.have.SetTo(uint(piece), on)
	ps.Forget(piece)
}

// Failed notes that the piece came whole but did not verify: all its blocks
// are free again, and are asked of a single peer, so that the next failure
// has one culprit.
func (ps *Pieces) Failed(piece int) {
	ps.Forget(piece)
	ps.begin(piece).alone = true
}

// Forget makes an active piece rest; what has come of it was dropped.
func (ps *Pieces) Forget(piece int) {
	if a := ps.active[piece]; a != nil {
		a.add(-a.free)
		delete(ps.active, piece)
		i := slices.Index(ps.started, piece)
		ps.started = slices.Delete(ps.started, i, i+1)
	}
	ps.settle(piece)
}
