package swarm

import (
	"errors"
	"net/netip"

	"p2pfs/swarm/book"
	"p2pfs/swarm/pex"
	"p2pfs/swarm/wire"
)

// errPEXFlood is a peer that tells of others far more often than it may.
var errPEXFlood = errors.New("floods us with peers")

// exchange is what one peer was told of others, and may still tell (BEP 11).
type exchange struct {
	feed   pex.Feed
	budget pex.Budget
}

// exchanges reports whether peers tell one another of peers.
func (l *loop) exchanges() bool { return !l.t.client.cfg.NoPEX && !l.t.naming.private() }

// onPEX takes in what a peer tells of others.
func (l *loop) onPEX(r *remote, body []byte) error {
	if !l.exchanges() {
		return nil
	}
	switch r.pex.budget.Take(l.now) {
	case pex.Close:
		return errPEXFlood
	case pex.Ignore:
		return nil
	}
	m, err := pex.Parse(body)
	if err != nil {
		return err
	}
	var addrs []netip.AddrPort
	for _, p := range m.Added {
		if p.Addr != l.t.client.Addr() {
			addrs = append(addrs, p.Addr)
		}
	}
	l.log.Debug("told of peers", "infohash", l.t.naming.hashes[0], "peer", r.addr, "peers", len(addrs))
	if l.find.book.Hear(r.addr.Addr(), addrs, book.PEX) > 0 {
		l.dial()
	}
	return nil
}

// tellPeers tells each peer whose time has come of the others.
func (l *loop) tellPeers() {
	if !l.exchanges() {
		return
	}
	var live []pex.Peer // of all, once somebody is due
	for _, r := range l.remotes {
		id := r.extID(pex.Extension)
		if id == 0 || !r.pex.feed.Due(l.now) {
			continue
		}
		if live == nil {
			live = l.live()
		}
		to := pex.Receiver{Addr: r.addr.Addr(), Listen: r.listen}
		if m, ok := r.pex.feed.Next(l.now, to, live, &l.find.recent); ok {
			r.conn.Send(func(dst []byte) []byte { return wire.AppendExtended(dst, id, pex.Append(nil, m)) })
		}
	}
}

// live lists the peers that are connected and can be found by others.
func (l *loop) live() []pex.Peer {
	out := make([]pex.Peer, 0, len(l.remotes))
	for _, r := range l.remotes {
		if r.listen.IsValid() {
			out = append(out, r.asPEX())
		}
	}
	return out
}

// asPEX is a peer as others are told of it.
func (r *remote) asPEX() pex.Peer {
	p := pex.Peer{Addr: r.listen}
	if r.pp.All || r.up.UploadOnly {
		p.Flags |= pex.Seed
	}
	if r.dialed {
		p.Flags |= pex.Reachable
	}
	return p
}

// idled notes that we left a peer although it was well: others may still be
// told of it.
func (l *loop) idled(r *remote) {
	if r.listen.IsValid() {
		l.find.recent.Add(r.asPEX())
	}
}

// withdraw leaves what a private torrent may not have, which its metadata has
// just shown it to be: whoever was found without a tracker, and trackers that it
// does not name.
func (l *loop) withdraw() {
	for _, r := range l.remotes {
		if r.dialed && l.find.book.Withdrawn(r.listen) {
			l.closeRemote(r, "private torrent")
		}
	}
	l.find.book.Private()
	l.find.recent = pex.Recent{}
	l.find.announce.keep(l.t.spec.ownTiers())
}
