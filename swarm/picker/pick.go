package picker

import (
	"math"
	"time"

	"p2pfs/swarm/hashing"
)

// maxScan bounds the endgame's look through active pieces at one call.
const maxScan = 64

// silence is how late a peer may be that owes blocks, before those are asked
// of others.
const silence = 200 * time.Millisecond

// Pick appends to out up to max blocks to ask of peer now, and notes them as
// asked. The peer must have joined.
func (p *Picker) Pick(now time.Time, peer *Peer, max int, out []Block) []Block {
	k := &picking{p: p, pieces: &p.Pieces, now: now, peer: peer, out: out, max: len(out) + max}
	if len(p.urgent) > 0 {
		k.urgents()
	}
	if peer.All && p.Pieces.order.scarce() > 0 {
		// What only seeds have is asked of them before what others can
		// give, too: the swarm is as fast as the seeds hand it out.
		k.continued(0)
		k.begun(0)
	}
	k.continued(math.MaxInt)
	k.begun(math.MaxInt)
	if len(k.out) == len(out) && !peer.Choked && !peer.Held {
		k.endgame()
	}
	return k.out
}

// picking is one call of Pick.
type picking struct {
	p      *Picker
	pieces *Pieces
	now    time.Time
	peer   *Peer
	out    []Block
	max    int

	others   bool          // quickest is known
	quickest time.Duration // no other peer's eta is shorter
}

// sooner reports whether any other peer may have an eta below d. It looks at
// all peers once a Pick, as theirs do not change in it.
func (k *picking) sooner(d time.Duration) bool {
	if !k.others {
		k.others, k.quickest = true, math.MaxInt64
		for _, o := range k.p.joined {
			if o.ID != k.peer.ID && o.Rate > 0 {
				k.quickest = min(k.quickest, o.eta())
			}
		}
	}
	return k.quickest < d
}

func (k *picking) full() bool { return len(k.out) >= k.max }

func (k *picking) take(a *partial, n int) {
	a.ask(k.now, n, k.peer)
	k.out = append(k.out, Block{a.piece, n})
}

// may reports whether the peer may be asked for blocks of the piece.
func (k *picking) may(piece int) bool {
	if k.pieces.Have(piece) || !k.peer.has(piece) {
		return false
	}
	a := k.pieces.active[piece]
	return a == nil || a.only == 0 || a.only == k.peer.ID
}

// urgents takes urgent blocks in the order of their deadlines. A peer that is
// much slower than another that has the piece leaves the blocks that are
// wanted sooner than it could send them, and takes later ones: so all rates
// add up, and no reader waits for the slowest.
func (k *picking) urgents() {
	rate := k.p.totalRate()
	ahead := 0
	for _, u := range k.p.urgent {
		if k.full() {
			return
		}
		if !k.may(u.Piece) {
			continue
		}
		a := k.pieces.active[u.Piece]
		waiting := !u.Deadline.After(k.now)
		if a != nil && a.free == 0 && !waiting {
			ahead += (len(a.state) - a.here) * hashing.BlockSize
			continue
		}
		if k.tooSlow(u.Piece, ahead, rate) {
			ahead += (u.End - u.First) * hashing.BlockSize
			continue
		}
		if a == nil {
			a = k.pieces.begin(u.Piece)
		}
		ahead += k.urgentBlocks(a, u, waiting)
	}
}

// urgentBlocks takes blocks of one urgent run and returns the bytes of it that
// have not come.
func (k *picking) urgentBlocks(a *partial, u Urgent, waiting bool) (missing int) {
	for n := u.First; n < u.End && n < len(a.state); n++ {
		s := &a.state[n]
		if s.here {
			continue
		}
		missing += hashing.BlockSize
		if k.full() {
			continue
		}
		if !s.asked() || waiting && k.late(s) {
			k.take(a, n)
		}
	}
	return missing
}

// late reports whether a block that is asked of one peer should be asked of
// this one too: it is overdue or its peer has fallen silent, and this one can
// be expected to be quick.
func (k *picking) late(s *state) bool {
	if s.askedOf(k.peer.ID) || k.peer.Choked || k.peer.Held || k.peer.Late > silence {
		return false
	}
	mine := k.peer.eta()
	if o := k.p.peers[s.askers[0]]; !k.now.After(s.due) && (o == nil || o.Late <= silence || o.eta() < 2*mine) {
		return false
	}
	return !k.outrun(mine) && k.displace(s, mine)
}

// tooSlow reports whether another peer that has the piece would send a block
// of it well before this one, and before it is needed: ahead bytes of earlier
// blocks are still to come at rate.
func (k *picking) tooSlow(piece, ahead int, rate float64) bool {
	mine := k.peer.eta()
	need := time.Duration(0)
	if rate > 0 {
		need = time.Duration(float64(ahead) / rate * float64(time.Second))
	}
	if mine <= need+50*time.Millisecond {
		return false
	}
	limit := mine*2/3 - 50*time.Millisecond
	if !k.sooner(limit) {
		return false
	}
	for _, o := range k.p.joined {
		if o.ID != k.peer.ID && o.has(piece) && o.Rate > 0 && o.eta() < limit {
			return true
		}
	}
	return false
}

func (p *Picker) totalRate() (sum float64) {
	for _, o := range p.joined {
		if !o.Choked {
			sum += o.Rate
		}
	}
	return sum
}

// continued takes free blocks of selected active pieces that at most most
// peers have besides the seeds, the oldest first.
func (k *picking) continued(most int) {
	for _, piece := range k.pieces.started {
		if k.full() || k.pieces.free == 0 {
			return
		}
		a := k.pieces.active[piece]
		if a.free == 0 || !k.pieces.selected.Test(uint(piece)) || k.pieces.order.avail(piece) > most || !k.may(piece) {
			continue
		}
		k.freeBlocks(a)
	}
}

func (k *picking) freeBlocks(a *partial) {
	for n := range a.state {
		if k.full() || a.free == 0 {
			return
		}
		if s := &a.state[n]; !s.here && !s.asked() {
			k.take(a, n)
		}
	}
}

// begun begins selected pieces that at most most peers have besides the seeds,
// rarest first; among equally rare ones what the peer suggested.
func (k *picking) begun(most int) {
	for !k.full() {
		piece := k.pieces.order.rarest(k.peer)
		if piece < 0 || k.pieces.order.avail(piece) > most {
			return
		}
		if s := k.suggestion(k.pieces.order.avail(piece)); s >= 0 {
			piece = s
		} else if k.peer.All && !k.peer.Choked && k.pieces.order.avail(piece) == 0 {
			piece = k.share(piece)
		}
		k.freeBlocks(k.pieces.begin(piece))
	}
}

// endgame asks for a block that another peer owes, when all that is selected
// and that anybody has was asked for: the last blocks must not wait for the
// slowest peer (BEP 3). A peer that merely has nothing new is left alone:
// each block asked twice would cost somebody else one.
func (k *picking) endgame() {
	if k.pieces.free > 0 || len(k.pieces.started) == 0 || k.pieces.order.available() > 0 {
		return
	}
	mine := k.peer.eta()
	if k.outrun(mine) {
		return
	}
	for i, piece := range k.pieces.started {
		if i == maxScan || k.full() {
			return
		}
		if !k.pieces.selected.Test(uint(piece)) || !k.may(piece) {
			continue
		}
		a := k.pieces.active[piece]
		for n := range a.state {
			s := &a.state[n]
			if k.full() {
				return
			}
			if !s.here && s.asked() && !s.askedOf(k.peer.ID) && k.slower(s.askers[0], mine) && k.displace(s, mine) {
				k.take(a, n)
			}
		}
	}
}

// displace makes room for this peer among those asked for a block: it takes
// the place of the second, if that is slower too.
func (k *picking) displace(s *state, mine time.Duration) bool {
	if s.askers[1] == 0 {
		return true
	}
	if !k.slower(s.askers[1], mine) {
		return false
	}
	s.askers[1] = 0 // what it still sends is taken
	return true
}

// outrun reports whether some other peer would send what is left much sooner
// than in d: then it is not asked of this one a second time.
func (k *picking) outrun(d time.Duration) bool {
	if !k.sooner(d / 3) {
		return false
	}
	for _, o := range k.p.joined {
		if !o.Choked && o.Rate > 0 && o.eta() < d/3 {
			return true
		}
	}
	return false
}

// slower reports whether what the peer id owes will come well after d.
func (k *picking) slower(id int, d time.Duration) bool {
	o := k.p.peers[id]
	return o == nil || o.Rate == 0 || o.eta() > d+d/2
}
