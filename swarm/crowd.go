package swarm

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/pex"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/places"
	"p2pfs/swarm/reads"
	"p2pfs/swarm/wire"
)

// errPEXFlood is a peer that tells of others far more often than it may.
var errPEXFlood = errors.New("floods us with peers")

// crowd is the peers of a torrent that are connected, by id, and what they tell one
// another of others (BEP 11). Owned by the loop.
type crowd struct {
	of     map[int]*remote
	lastID int
	recent pex.Recent // peers left of late that were well
	awake  time.Time  // when one last connected or was served

	log    *slog.Logger
	naming *naming
	book   *book.Book
	causes *reads.Causes
	ours   netip.AddrPort // where we listen
	peerID [20]byte       // ours
	noPEX  bool           // whatever the torrent is
}

// at returns the peer that listens at an address, if it is connected.
func (c *crowd) at(listen netip.AddrPort) *remote {
	for _, r := range c.of {
		if r.listen == listen {
			return r
		}
	}
	return nil
}

// serves notes that a peer wants something of us.
func (c *crowd) serves(r *remote, now time.Time) { r.busy, c.awake = now, now }

// close ends a connection whose peer did nothing wrong.
func (c *crowd) close(r *remote, why string) {
	c.log.Debug("closing peer", "infohash", c.naming.hashes[0], "peer", r.addr, "why", why)
	r.conn.Close(peer.ErrClosed)
}

// idle closes a peer that was well: others may still be told of it.
func (c *crowd) idle(r *remote, why string) {
	if r.listen.IsValid() {
		c.recent.Add(r.asPEX())
	}
	c.close(r, why)
}

// ban closes a peer that was proven bad and does not let it in again.
func (c *crowd) ban(id int, why string, now time.Time) {
	r := c.of[id]
	if r == nil {
		return
	}
	c.log.Warn("peer banned", "infohash", c.naming.hashes[0], "peer", r.addr, "why", why)
	c.book.Bans.Ban(r.addr, r.listen, now)
	c.causes.Lied(r.addr, now, book.BanTime)
	c.recent.Remove(r.listen)
	r.conn.Close(peer.ErrClosed)
}

// exchanges reports whether peers tell one another of peers.
func (c *crowd) exchanges() bool { return !c.noPEX && !c.naming.private() }

// told takes in what a peer tells of others, and reports whether there is news. An
// error closes the peer.
func (c *crowd) told(r *remote, body []byte, now time.Time) (news bool, err error) {
	if !c.exchanges() {
		return false, nil
	}
	switch r.pex.budget.Take(now) {
	case pex.Close:
		return false, errPEXFlood
	case pex.Ignore:
		return false, nil
	}
	m, err := pex.Parse(body)
	if err != nil {
		return false, err
	}
	var addrs []netip.AddrPort
	for _, p := range m.Added {
		if p.Addr != c.ours {
			addrs = append(addrs, p.Addr)
		}
	}
	c.log.Debug("told of peers", "infohash", c.naming.hashes[0], "peer", r.addr, "peers", len(addrs))
	return c.book.Hear(r.addr.Addr(), addrs, book.PEX) > 0, nil
}

// tell tells each peer whose time has come of the others.
func (c *crowd) tell(now time.Time) {
	if !c.exchanges() {
		return
	}
	var live []pex.Peer // of all, once somebody is due
	for _, r := range c.of {
		id := r.extID(pex.Extension)
		if id == 0 || !r.pex.feed.Due(now) {
			continue
		}
		if live == nil {
			live = c.live()
		}
		to := pex.Receiver{Addr: r.addr.Addr(), Listen: r.listen}
		if m, ok := r.pex.feed.Next(now, to, live, &c.recent); ok {
			r.conn.Send(func(dst []byte) []byte { return wire.AppendExtended(dst, id, pex.Append(nil, m)) })
		}
	}
}

// withdraw leaves whoever a private torrent may not have, found without a tracker.
func (c *crowd) withdraw() {
	for _, r := range c.of {
		if r.dialed && c.book.Withdrawn(r.listen) {
			c.close(r, "private torrent")
		}
	}
	c.book.Private()
	c.recent = pex.Recent{}
}

// live lists the peers that can be found by others.
func (c *crowd) live() []pex.Peer {
	out := make([]pex.Peer, 0, len(c.of))
	for _, r := range c.of {
		if r.listen.IsValid() {
			out = append(out, r.asPEX())
		}
	}
	return out
}

// have counts who has a piece, and who of them chokes us.
func (c *crowd) have(piece int) (all, choking int) {
	for _, r := range c.of {
		if r.pp.All || r.pp.Has != nil && r.pp.Has.Test(uint(piece)) {
			all++
			if r.pp.Choked {
				choking++
			}
		}
	}
	return all, choking
}

// othersHave reports whether all that a peer has and we lack is to be had of others
// who have sent nothing false themselves: else a ban would leave us without what it
// has alone.
func (c *crowd) othersHave(than *remote, ours *picker.Pieces) bool {
	rest := ours.HeldSet()
	for _, r := range c.of {
		switch {
		case r == than || r.down.Faults.Times > 0:
		case r.pp.All:
			return true
		case r.pp.Has != nil:
			rest.InPlaceUnion(r.pp.Has)
		}
	}
	if than.pp.All {
		return int(rest.Count()) >= ours.Count()
	}
	return than.pp.Has == nil || rest.IsSuperSet(than.pp.Has)
}

// takeBack tells each that we have a piece no more, where it can be told (BEP 54).
func (c *crowd) takeBack(piece int) {
	for _, r := range c.of {
		r.has.Ours(piece, false)
		if id := r.extID(wire.ExtDontHave); id != 0 {
			r.conn.Send(func(dst []byte) []byte { return wire.AppendDontHave(dst, id, piece) })
		}
	}
}

// welcome decides whether a connection may stay, and which one makes room for it; crowded
// says that one has to.
func (c *crowd) welcome(e joinEvent, crowded bool, now time.Time) (out *remote, ok bool) {
	if c.book.Bans.Banned(e.addr, now) {
		return nil, false
	}
	list := make([]places.Peer, 0, len(c.of))
	for _, r := range c.of {
		list = append(list, r.inPlace(&c.book.Ours))
	}
	newcomer := places.Peer{PeerID: e.hs.PeerID, Addr: e.addr, Rank: c.book.Ours.Rank(e.addr), Dialled: e.dialed}
	rule := places.Peers{Max: maxTorrentPeers, SameAddr: maxSameAddr, Self: c.peerID}
	id, ok := rule.Admit(list, newcomer, crowded, now)
	return c.of[id], ok
}
