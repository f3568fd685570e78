package places

import (
	"bytes"
	"net/netip"
	"time"
)

const (
	// useless is how long a peer may neither give nor take a block before it
	// makes room for another.
	useless = 10 * time.Second
	// twinTime is how soon after one another two connections may be both
	// sides dialling at once.
	twinTime = 10 * time.Second
)

// A Peer is a torrent's connection as far as it matters for who keeps his place.
type Peer struct {
	ID          int
	PeerID      [20]byte
	Addr        netip.AddrPort // the other end
	Rank        uint32         // BEP 40
	Dialled     bool           // by us
	Since       time.Time
	Gave, Asked time.Time // when it last sent us a block, and asked us for one
}

// used is when the connection was last of any use.
func (p Peer) used() time.Time {
	t := p.Since
	for _, at := range []time.Time{p.Gave, p.Asked} {
		if at.After(t) {
			t = at
		}
	}
	return t
}

// Peers is the rule for a torrent, whose peers prove nothing: Max connections, of
// which SameAddr with one address. Self is our own peer ID.
type Peers struct {
	Max, SameAddr int
	Self          [20]byte
}

// Admit says whether a newcomer may stay, and who makes room for it: nobody, -1, a
// connection with the same peer, or one that is of less use. over says that there are
// more connections with all torrents than there should be.
func (r Peers) Admit(list []Peer, newcomer Peer, over bool, now time.Time) (out int, ok bool) {
	same := 0
	for _, p := range list {
		if p.PeerID == newcomer.PeerID {
			return p.ID, r.replaces(newcomer, p, now)
		}
		if p.Addr.Addr() == newcomer.Addr.Addr() {
			same++
		}
	}
	switch {
	case same >= r.SameAddr:
		return -1, false
	case len(list) < r.Max && !over:
		return -1, true
	}
	out = idlest(list, now)
	if out < 0 {
		out = lowest(list, newcomer, now)
	}
	return out, out >= 0
}

// replaces reports whether a connection takes the place of another with the same
// peer. Where both sides have dialled at once it is the one that the smaller peer ID
// dialled: so both come to the same result. Else the one that is there stays.
func (r Peers) replaces(p, old Peer, now time.Time) bool {
	if p.Dialled == old.Dialled || now.Sub(old.Since) > twinTime {
		return false
	}
	return p.Dialled == (bytes.Compare(r.Self[:], p.PeerID[:]) < 0)
}

// idlest is who has been of no use for longest; -1: all are of use.
func idlest(list []Peer, now time.Time) int {
	out, at := -1, now.Add(-useless)
	for _, p := range list {
		if used := p.used(); used.Before(at) {
			out, at = p.ID, used
		}
	}
	return out
}

// lowest is who is ranked lowest, below a newcomer, of those that only take: so all
// keep the same few connections, and a full swarm stays one. -1: nobody is.
func lowest(list []Peer, newcomer Peer, now time.Time) int {
	out, rank := -1, newcomer.Rank
	for _, p := range list {
		if now.Sub(p.Since) > useless && now.Sub(p.Gave) > useless && p.Rank < rank {
			out, rank = p.ID, p.Rank
		}
	}
	return out
}
