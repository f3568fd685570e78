package picker

import (
	"time"

	"p2pfs/swarm/hashing"
)

// maxAskers is how many peers one block may be asked of at once.
const maxAskers = 2

// longestDue is how long a block that a reader waits for may take, before it
// is asked of whoever would send it sooner.
const longestDue = 1500 * time.Millisecond

// partial is an active piece.
type partial struct {
	piece int
	state []state
	free  int // blocks neither here nor asked for
	here  int // blocks that have come
	only  int // the one peer that may be asked, 0: any (after a failed hash)
	alone bool
}

// state is one block of an active piece.
type state struct {
	here   bool
	askers [maxAskers]int // peer IDs, 0: none
	due    time.Time      // when the first asked peer should have sent it
}

func (s *state) asked() bool { return s.askers[0] != 0 }

func (s *state) askedOf(id int) bool { return s.askers[0] == id || s.askers[1] == id }

func (p *Picker) begin(piece int) *partial {
	n := p.blocks(piece)
	a := &partial{piece: piece, state: make([]state, n), free: n}
	p.active[piece] = a
	p.started = append(p.started, piece)
	if p.selected.Test(uint(piece)) {
		p.free += n
	}
	p.settle(piece)
	return a
}

func (p *Picker) addFree(a *partial, d int) {
	a.free += d
	if p.selected.Test(uint(a.piece)) {
		p.free += d
	}
}

// ask notes that block n of a is asked of peer.
func (p *Picker) ask(now time.Time, a *partial, n int, peer *Peer) {
	s := &a.state[n]
	if !s.asked() {
		p.addFree(a, -1)
		s.askers[0] = peer.ID
		eta := peer.eta()
		s.due = now.Add(min(eta+eta/2+50*time.Millisecond, longestDue))
	} else {
		s.askers[1] = peer.ID
	}
	if a.alone && a.only == 0 {
		a.only = peer.ID
	}
	peer.Queued += hashing.BlockSize
}

// drop forgets that block n was asked of id.
func (p *Picker) drop(a *partial, n, id int) {
	s := &a.state[n]
	if id == 0 || s.here || !s.askedOf(id) {
		return
	}
	if s.askers[0] == id {
		s.askers[0] = s.askers[1]
	}
	s.askers[1] = 0
	if !s.asked() {
		p.addFree(a, 1)
	}
}

// Received notes that a block has come from a peer. Wanted is false when the
// block is here already or its piece is not active. Others are the peers that
// were asked for it too and should be sent a cancel.
func (p *Picker) Received(b Block, id int) (wanted bool, others []int) {
	a := p.active[b.Piece]
	if a == nil || a.state[b.N].here {
		return false, nil
	}
	s := &a.state[b.N]
	if !s.asked() {
		p.addFree(a, -1)
	}
	for _, o := range s.askers {
		if o != 0 && o != id {
			others = append(others, o)
		}
	}
	s.here, s.askers = true, [maxAskers]int{}
	a.here++
	return true, others
}

// Complete reports whether every block of the piece has come.
func (p *Picker) Complete(piece int) bool {
	a := p.active[piece]
	return a != nil && a.here == len(a.state)
}

// Incoming reports whether another piece will probably be complete soon: a
// block of one was asked for.
func (p *Picker) Incoming() bool {
	for _, a := range p.active {
		if a.free+a.here < len(a.state) {
			return true
		}
	}
	return false
}

// Dropped notes that a peer will not send a block: it rejected it, choked us,
// or was too late.
func (p *Picker) Dropped(b Block, id int) {
	if a := p.active[b.Piece]; a != nil {
		p.drop(a, b.N, id)
	}
}

// SetHave notes that the piece is verified and held, or that it was lost
// (evicted) and rests again.
func (p *Picker) SetHave(piece int, on bool) {
	if p.selected.Test(uint(piece)) && p.Have(piece) != on {
		if on {
			p.missing--
		} else {
			p.missing++
		}
	}
	p.have.SetTo(uint(piece), on)
	p.forget(piece)
}

// Failed notes that the piece came whole but did not verify: all its blocks
// are free again, and are asked of a single peer, so that the next failure
// has one culprit.
func (p *Picker) Failed(piece int) {
	p.forget(piece)
	p.begin(piece).alone = true
}

// Unreceive frees a block that has come: its bytes were dropped.
func (p *Picker) Unreceive(b Block) {
	a := p.active[b.Piece]
	if a == nil || !a.state[b.N].here {
		return
	}
	a.state[b.N].here = false
	a.here--
	p.addFree(a, 1)
}

// Forget makes an active piece rest; what has come of it was dropped.
func (p *Picker) Forget(piece int) { p.forget(piece) }

func (p *Picker) forget(piece int) {
	if a := p.active[piece]; a != nil {
		p.addFree(a, -a.free)
		delete(p.active, piece)
		for i, s := range p.started {
			if s == piece {
				p.started = append(p.started[:i], p.started[i+1:]...)
				break
			}
		}
	}
	p.settle(piece)
}

// prune lets active pieces rest of which nothing has come and nothing is
// asked, unless a reader wants them.
func (p *Picker) prune() {
	for _, piece := range append([]int(nil), p.started...) {
		if a := p.active[piece]; a.free == len(a.state) && !a.alone {
			p.forget(piece)
		}
	}
}
