package upload

import (
	"p2pfs/swarm/wire"
)

const (
	// allowedFast is how many pieces a choked peer may ask for (BEP 6).
	allowedFast = 10
	// fastBudget is how many bytes a peer gets while it is choked: a first small
	// read, or most of a piece to have something to give. All neighbours are
	// allowed the same pieces, so more would be more copies of these at the cost
	// of those who have a slot.
	fastBudget = 256 << 10
)

// Verdict is what becomes of a request.
type Verdict int

const (
	// Taken: it was queued.
	Taken Verdict = iota
	// Refused: it is to be rejected.
	Refused
	// Overrun: it is to be rejected, as so many wait that no honest peer asks.
	Overrun
	// Gone: the piece was evicted, and the peer, which does not know that, cannot
	// be told so and would wait for ever. It is to be closed.
	Gone
)

// Request takes a peer's request for a block that the torrent has room for.
func (u *Uploads) Request(p *Peer, b wire.Block, at Moment) (Verdict, []Action) {
	u.out = u.out[:0]
	p.LastRequest = at.Time
	choking, have := p.owner.choking, u.picker.Pieces.Have(b.Index)
	switch {
	case !choking && !p.Fast && !have:
		return Gone, nil
	case p.Queue.Uploading()+u.inTurns(p) >= MaxRequests:
		return Overrun, nil
	case choking && !p.mayFast(b) || !have || !u.queue(p, b, at):
		return Refused, nil
	}
	if choking {
		p.fast.bytes += b.Length
		return Taken, nil
	}
	if p.piece != b.Index {
		p.piece = b.Index
		u.handed.Out(b.Index)
		u.suggest(p, at)
	}
	return Taken, u.out
}

// mayFast reports whether a choked peer may have the block all the same.
func (p *Peer) mayFast(b wire.Block) bool {
	return p.fast.pieces[b.Index] && p.fast.bytes+b.Length <= fastBudget
}

// queue has a block sent: at once, or in its turn where there is a limit.
func (u *Uploads) queue(p *Peer, b wire.Block, at Moment) bool {
	if u.limit == 0 {
		return p.Queue.Upload(b)
	}
	u.turns.Add(at.Time, p.Owner, inTurn(p, b))
	u.sendOn(at.Time)
	return true
}

// Cancel takes back a block that a peer asked for and reports whether it still
// waited: it is then to be rejected (BEP 6).
func (u *Uploads) Cancel(p *Peer, b wire.Block) bool {
	return u.limit > 0 && u.turns.Cancel(p.Owner, inTurn(p, b)) || p.Queue.CancelUpload(b)
}
