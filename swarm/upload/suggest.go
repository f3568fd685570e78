package upload

import (
	"slices"

	"p2pfs/swarm/wire"
)

// suggestAhead is how many bytes a peer is suggested beyond the piece that it
// is asking for: what it asks for in advance.
const suggestAhead = 512 << 10

// suggest tells a peer that fetches from us what to ask for next (BEP 6). Only
// one that heeds it: 16 libtorrent leechers take half as long again when they are
// told. Only a seeder does: who lacks pieces himself cannot tell which are rare.
func (u *Uploads) suggest(p *Peer, at Moment) {
	if !p.Heeds || p.owner.choking || !p.Fast || p.Pieces.All || !at.Seeding || u.picker.Pieces.Held() < u.picker.Pieces.Count() {
		return
	}
	p.suggested = slices.DeleteFunc(p.suggested, func(piece int) bool {
		return piece == p.piece || p.Pieces.Has.Test(uint(piece))
	})
	for want := 1 + suggestAhead/int(u.length); len(p.suggested) < want; {
		piece := u.handed.Take(u.picker, at.Time)
		if piece < 0 {
			return
		}
		p.suggested = append(p.suggested, piece)
		u.say(p, wire.MsgSuggest, piece, nil)
	}
}

// takeBack lets others have what a peer was suggested that will not ask for it
// now.
func (u *Uploads) takeBack(p *Peer) {
	u.handed.Back(p.suggested)
	p.suggested = nil
}
