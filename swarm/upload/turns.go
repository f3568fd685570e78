package upload

import (
	"time"

	"p2pfs/swarm/choker"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

const (
	// inFlight is how much of a limited upload is given to the queues of peers:
	// more than comes between two ticks, and no more, since its order is settled.
	inFlight = 150 * time.Millisecond
	// longestTurn and allTurns are for how long a limited upload may be one
	// owner's, and until it is every owner's turn again: in time for each to see
	// that we are there.
	longestTurn = 2 * time.Second
	allTurns    = 8 * time.Second
)

func inTurn(p *Peer, b wire.Block) choker.Block {
	return choker.Block{Peer: p.ID, Piece: b.Index, Begin: b.Begin, Length: b.Length}
}

func onWire(b choker.Block) wire.Block {
	return wire.Block{Index: b.Piece, Begin: b.Begin, Length: b.Length}
}

// inTurns is how many blocks wait for a peer's turn.
func (u *Uploads) inTurns(p *Peer) int {
	if u.limit == 0 {
		return 0
	}
	return u.turns.Len(p.Owner)
}

// drop takes the blocks of a peer out of the turns but those to keep.
func (u *Uploads) drop(p *Peer, keep func(wire.Block) bool) (dropped []wire.Block) {
	for _, b := range u.turns.Drop(p.Owner, func(b choker.Block) bool { return b.Peer != p.ID || keep(onWire(b)) }) {
		dropped = append(dropped, onWire(b))
	}
	return dropped
}

// sendOn gives the queues as much of a limited upload as they will send until the
// next tick: whole pieces one after another.
func (u *Uploads) sendOn(now time.Time) {
	if u.limit == 0 || u.picker == nil {
		return
	}
	u.turns.Longest = max(int(float64(u.limit)*longestTurn.Seconds()), 4*hashing.BlockSize)
	room := max(int(float64(u.limit)*inFlight.Seconds()), 2*hashing.BlockSize)
	window := room
	for id, p := range u.sending {
		n := p.Queue.Uploading()
		if room -= n * hashing.BlockSize; n == 0 {
			delete(u.sending, id)
		}
	}
	for room > 0 {
		if id, ok := u.turns.Current(); ok && u.queued(id)*hashing.BlockSize > window/2 {
			return // it asks for more before that is sent
		}
		_, b, ok := u.turns.Next(now, u.spread, nil)
		if !ok {
			return
		}
		p := u.peers[b.Peer]
		if !p.Queue.Upload(onWire(b)) {
			continue
		}
		u.sending[p.ID] = p
		room -= b.Length
	}
}

// queued is how many blocks wait in the queues of an owner.
func (u *Uploads) queued(owner int) (n int) {
	for _, p := range u.owners[owner].peers {
		if u.sending[p.ID] != nil {
			n += p.Queue.Uploading()
		}
	}
	return n
}

// spread reports whether others have the piece, too.
func (u *Uploads) spread(piece int) bool { return u.picker.Availability(piece) > 0 }

// Has notes that a peer has got a piece. While we seed at a limit, others are
// refused, once, what they wait for of it, as that peer will give it to them
// sooner: so what we may send is left for what nobody else can (BEP 6).
func (u *Uploads) Has(from *Peer, piece int, at Moment) []Action {
	u.out = u.out[:0]
	if u.limit == 0 || !at.Seeding || !u.picker.Pieces.Have(piece) {
		return nil
	}
	for _, p := range u.peers {
		if p.Owner == from.Owner || !p.Fast || p.refused[piece] || u.turns.Len(p.Owner) == 0 {
			continue
		}
		dropped := u.drop(p, func(b wire.Block) bool { return b.Index != piece })
		if len(dropped) == 0 {
			continue
		}
		if p.refused == nil {
			p.refused = map[int]bool{}
		}
		p.refused[piece] = true
		u.say(p, wire.MsgReject, 0, dropped)
	}
	return u.out
}
