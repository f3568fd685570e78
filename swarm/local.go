package swarm

import (
	"net/netip"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/lsd"
	"p2pfs/swarm/metainfo"
)

// discover begins to listen on the local network, where that is asked for.
func (c *Client) discover() {
	if c.cfg.LSD {
		c.lsd = lsd.New(lsd.Config{Port: c.Addr().Port(), Listen: c.Addr().Addr(), Guard: c.guard, Log: c.log})
	}
}

// Discover announces an infohash that is no torrent's of the Client's, the
// drive's, on the local network until leave is called (BEP 14). found is told
// of peers that announce it too; it must not block. Without Config.LSD nothing
// happens.
func (c *Client) Discover(h metainfo.Hash, found func(netip.AddrPort)) (leave func()) {
	if c.lsd == nil {
		return func() {}
	}
	return c.lsd.Join(h, found)
}

// DiscoverAgain has what Discover announces announced again as soon as may be, a
// minute after the last time at least: datagrams get lost, and somebody waits.
func (c *Client) DiscoverAgain(h metainfo.Hash) {
	if c.lsd != nil {
		c.lsd.Hurry(h)
	}
}

// discovery is what of a torrent is announced on the local network.
type discovery struct {
	leave   map[metainfo.Hash]func()
	hurried time.Time
}

// tick announces a torrent that trackers are told of too, unless it is
// private, and hurries while somebody waits for a peer.
func (d *discovery) tick(l *loop) {
	local := l.t.client.lsd
	if local == nil || !l.announce.on {
		return
	}
	if l.private() {
		d.end()
		return
	}
	hashes := l.t.hashes
	if in := l.t.infoOrNil(); in != nil {
		hashes = in.InfoHashes()
	}
	hurry := l.now.Sub(d.hurried) > hungryEvery && l.announce.urgent(l)
	if hurry {
		d.hurried = l.now
	}
	for _, h := range hashes {
		if d.leave[h] == nil {
			if d.leave == nil {
				d.leave = map[metainfo.Hash]func(){}
			}
			d.leave[h] = local.Join(h, l.t.foundHere)
		} else if hurry {
			local.Hurry(h)
		}
	}
}

// end announces nothing any more.
func (d *discovery) end() {
	for _, leave := range d.leave {
		leave()
	}
	d.leave = nil
}

// foundHere is told of a peer on the local network. It waits for nobody: a
// loop that is busy hears of the peer the next time.
func (t *Torrent) foundHere(a netip.AddrPort) {
	select {
	case t.events <- foundEvent{a}:
	default:
	}
}

// foundEvent is a peer that announced the torrent on the local network.
type foundEvent struct{ addr netip.AddrPort }

func (e foundEvent) apply(l *loop) {
	if l.private() {
		return
	}
	if l.book.Hear(e.addr.Addr(), []netip.AddrPort{e.addr}, book.LSD) > 0 { // it tells of itself
		l.log.Debug("found on the local network", "infohash", l.t.hashes[0], "peer", e.addr)
		l.dial()
	}
}
