// Package upload decides what a torrent sends, and to whom: who is unchoked
// (BEP 3), what choked peers may ask for and what peers should ask for next
// (BEP 6), and whose block comes next where the upload is limited.
//
// Who is choked or waits for a turn is an owner, a number that the caller
// gives: whoever has several connections is one contender over all of them, and
// is choked on all at once.
//
// It is pure: no goroutine, no lock, no network, and no clock but the times it
// is given, which must not go back. Nothing here is safe for concurrent use. It
// does not know where blocks lie nor whether they can be read; a peer is to it a
// Queue that takes blocks. What else is to be said to peers it returns as
// Actions, valid until the next call.
package upload

import (
	"math/rand"
	"time"

	"p2pfs/swarm/choker"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/wire"
)

// MaxRequests is how many of a peer's requests may wait (the reqq that we tell).
const MaxRequests = 500

// Moment is what a call is told of the torrent: the time, and whether we have
// all that we want now.
type Moment struct {
	Time    time.Time
	Seeding bool
}

// Action is what is to be said to a peer.
type Action struct {
	Peer int // its ID
	what byte
	list []wire.Block // choke, reject: what will not be sent; empty without BEP 6
	at   int          // suggest, allowed fast: the piece
}

// Append appends the action's messages to dst.
func (a Action) Append(dst []byte) []byte {
	switch a.what {
	case wire.MsgChoke:
		dst = wire.AppendChoke(dst)
	case wire.MsgUnchoke:
		return wire.AppendUnchoke(dst)
	case wire.MsgSuggest:
		return wire.AppendSuggest(dst, a.at)
	case wire.MsgAllowedFast:
		return wire.AppendAllowedFast(dst, a.at)
	}
	for _, b := range a.list {
		dst = wire.AppendReject(dst, b)
	}
	return dst
}

// Uploads is the sending side of one torrent.
type Uploads struct {
	limit  int64          // bytes per second; 0: none
	picker *picker.Picker // nil until Open
	length int64          // of a piece

	peers      map[int]*Peer
	owners     map[int]*owner
	choker     *choker.Choker
	round      time.Time // the last one
	handed     picker.Handing
	turns      choker.Turns
	sending    map[int]*Peer // whose queues may have something left
	complaints complaints
	out        []Action
}

// New returns the sending side of a torrent whose upload is limited to limit
// bytes per second, 0 for no limit. rng must not be in use elsewhere at the same
// time.
func New(limit int64, rng *rand.Rand) *Uploads {
	return &Uploads{
		limit:   limit,
		peers:   map[int]*Peer{},
		owners:  map[int]*owner{},
		choker:  choker.New(choker.Config{}, rng),
		sending: map[int]*Peer{},
	}
}

// Open tells of the torrent's pieces and their length, once they are known.
// Before it no request is to be told of.
func (u *Uploads) Open(p *picker.Picker, pieceLength int64) { u.picker, u.length = p, pieceLength }

// Join takes in a peer that has connected, whose ID is not in use.
func (u *Uploads) Join(p *Peer) {
	o := u.owners[p.Owner]
	if o == nil {
		o = &owner{id: p.Owner, choking: true}
		u.owners[p.Owner] = o
	}
	o.peers = append(o.peers, p)
	p.owner = o
	u.peers[p.ID] = p
}

// Leave forgets a peer.
func (u *Uploads) Leave(p *Peer) {
	u.takeBack(p)
	u.drop(p, func(wire.Block) bool { return false })
	delete(u.sending, p.ID)
	delete(u.peers, p.ID)
	if p.owner.remove(p) {
		u.turns.Leave(p.Owner)
		delete(u.owners, p.Owner)
	}
}

// Tick does what time alone brings about. To be called some times a second, after
// each peer's Measure.
func (u *Uploads) Tick(at Moment) []Action {
	u.out = u.out[:0]
	u.chokeRound(at)
	u.sendOn(at.Time)
	return u.out
}

func (u *Uploads) say(p *Peer, what byte, piece int, list []wire.Block) {
	u.out = append(u.out, Action{Peer: p.ID, what: what, at: piece, list: list})
}
