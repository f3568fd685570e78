package upload

import (
	"math"
	"slices"

	"p2pfs/swarm/choker"
	"p2pfs/swarm/wire"
)

// Interested notes whether a peer wants something of ours. It is unchoked at once
// while a slot is free, but nobody is before there are pieces: what he asked for
// would be refused.
func (u *Uploads) Interested(p *Peer, on bool, at Moment) []Action {
	u.out = u.out[:0]
	p.Interested = on
	p.WasInterested = p.WasInterested || on
	if on && p.owner.choking && u.picker != nil {
		u.capSlots()
		for _, id := range u.choker.Fill(at.Time, u.contenders(), at.Seeding) {
			u.choke(u.owners[id], false, at)
		}
	}
	return u.out
}

// chokeRound is BEP 3's round of every ten seconds.
func (u *Uploads) chokeRound(at Moment) {
	if len(u.owners) == 0 || u.picker == nil || at.Time.Sub(u.round) < choker.Interval {
		return
	}
	u.round = at.Time
	u.choker.Slots(at.Time, u.Rate())
	keep := map[int]bool{}
	for _, id := range u.choker.Round(at.Time, u.contenders(), at.Seeding) {
		keep[id] = true
	}
	for id, o := range u.owners {
		u.choke(o, !keep[id], at)
	}
}

// Rate is how many bytes per second all peers are sent.
func (u *Uploads) Rate() (sum float64) {
	for _, p := range u.peers {
		sum += p.meter.rate
	}
	return sum
}

func (u *Uploads) contenders() []choker.Peer {
	out := make([]choker.Peer, 0, len(u.owners))
	for _, o := range u.owners {
		out = append(out, o.contender())
	}
	return out
}

// capSlots lets no more peers share a limit than get turns of a whole piece in
// time.
func (u *Uploads) capSlots() {
	if u.limit == 0 || u.picker == nil {
		return
	}
	turn := min(float64(u.length)/float64(u.limit), longestTurn.Seconds())
	u.choker.Cap(int(min(allTurns.Seconds()/turn, math.MaxInt32)))
}

// Choke chokes or unchokes an owner on all its connections. What was asked for
// and not sent is rejected by name (BEP 6) or forgotten.
func (u *Uploads) Choke(owner int, on bool, at Moment) []Action {
	u.out = u.out[:0]
	u.choke(u.owners[owner], on, at)
	return u.out
}

func (u *Uploads) choke(o *owner, on bool, at Moment) {
	if o == nil || o.choking == on {
		return
	}
	o.choking = on
	if !on {
		o.unchoked, o.before = at.Time, o.sent()
		for _, p := range o.peers {
			u.say(p, wire.MsgUnchoke, 0, nil)
			u.suggest(p, at)
		}
		return
	}
	for _, p := range o.peers {
		u.takeBack(p)
		keep := func(b wire.Block) bool { return p.fast.pieces[b.Index] }
		dropped := append(p.Queue.DropUploads(keep), u.drop(p, keep)...)
		if !p.Fast {
			dropped = nil
		}
		u.say(p, wire.MsgChoke, 0, dropped)
	}
	u.turns.Stop(o.id)
}

// Welcome is the first that a peer hears once the pieces are known: which of them
// it may ask for while it is choked, so that a newcomer has something to give
// soon (BEP 6). One that waits for a slot is unchoked if one is free; while we seed
// also one that dialled us, before it has told that it is interested: its first
// block comes a round trip sooner. The next round takes that back from one who is
// not.
func (u *Uploads) Welcome(p *Peer, infoHash [20]byte, dialled bool, at Moment) []Action {
	u.out = u.out[:0]
	if p.Fast {
		p.fast.pieces = map[int]bool{}
		for _, piece := range wire.AllowedFastSet(p.Addr, infoHash, u.picker.Pieces.Count(), allowedFast) {
			p.fast.pieces[piece] = true
			if u.picker.Pieces.Have(piece) {
				u.say(p, wire.MsgAllowedFast, piece, nil)
			}
		}
	}
	switch {
	case !p.owner.choking: // by another connection
		u.say(p, wire.MsgUnchoke, 0, nil)
	case dialled && at.Seeding || p.Interested:
		all := u.contenders()
		i := slices.IndexFunc(all, func(c choker.Peer) bool { return c.ID == p.Owner })
		all[i].Interested = true
		if slices.Contains(u.choker.Fill(at.Time, all, at.Seeding), p.Owner) {
			u.choke(p.owner, false, at)
		}
	}
	return u.out
}
