package swarm

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"p2pfs/swarm/netgroup"
)

// findEvery is how often FindPeers is called while a reader waits; findSoon is how
// soon for the second time, when more have answered than the surest.
const (
	findEvery = 2 * time.Second
	findSoon  = 300 * time.Millisecond
)

// dial connects to more peers while the torrent wants bytes, or has all of them
// and offers them: some who want them cannot be the ones to dial.
func (l *loop) dial() {
	offering := l.offering()
	if l.ended != nil || !l.hungry() && !offering {
		return
	}
	if !offering {
		l.findPeers()
	}
	room := min(maxTorrentPeers-len(l.remotes)-l.book.dialing, maxHalfOpen-l.book.dialing)
	if room <= 0 {
		return
	}
	for _, a := range l.book.due(l.now, room, offering) {
		if !l.t.client.limits.mayDial(l.now) {
			return
		}
		if !l.book.take(a, l.now) {
			continue // another port of it is being dialled
		}
		l.book.known[a].dialing = true
		l.book.dialing++
		l.t.spawn(func() { l.t.dialOne(l.ctx, a) })
	}
}

// offering reports whether the torrent is whole and everybody is told so.
func (l *loop) offering() bool {
	return l.content != nil && !l.hungry() && l.picker.HaveCount() == l.picker.Pieces() &&
		(l.t.spec.Announce == Always || l.announce.kept)
}

// dialOne connects to one peer and hands the connection to the loop.
func (t *Torrent) dialOne(ctx context.Context, a netip.AddrPort) {
	e, err := t.client.connect(ctx, a, t)
	if err != nil {
		t.post(dialFailedEvent{a, err})
		return
	}
	if !t.post(e) {
		e.conn.Close()
		t.client.limits.left()
	}
}

// dialFailedEvent is a peer that could not be reached.
type dialFailedEvent struct {
	addr netip.AddrPort
	err  error
}

func (e dialFailedEvent) apply(l *loop) {
	if errors.Is(e.err, errSelf) {
		l.book.isSelf(e.addr)
		return
	}
	l.log.Debug("dial failed", "infohash", l.t.hashes[0], "peer", e.addr, "err", e.err)
	l.book.failed(e.addr, l.now)
	l.causes.unreached(e.addr, e.err)
}

// addrsEvent brings addresses of peers.
type addrsEvent struct {
	addrs []netip.AddrPort
	from  origin
	found bool // by FindPeers
}

func (e addrsEvent) apply(l *loop) {
	if e.found {
		l.book.asking = false
	}
	if l.book.add(e.addrs, e.from) > 0 || e.from >= fromMember {
		l.dial()
	}
	l.announce.tick(l) // somebody may be needed who knows more
}

// findPeers asks the caller for peers while a reader waits.
func (l *loop) findPeers() {
	find := l.t.spec.FindPeers
	gap := findEvery
	if l.book.finds == 1 {
		gap = findSoon
	}
	if find == nil || l.book.asking || l.now.Sub(l.book.asked) < gap {
		return
	}
	l.book.asking, l.book.asked = true, l.now
	l.book.finds++
	l.t.spawn(func() {
		l.t.post(addrsEvent{addrs: find(l.ctx), from: fromMember, found: true})
	})
}

// Dials counts the dials of addresses that are known on somebody's word, for
// others who dial from here on the word of strangers.
func (c *Client) Dials() *netgroup.Dials { return &c.dials }

// Dial connects to a peer, from the address that is listened on where that is
// a specific one.
func (c *Client) Dial(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
	if c.cfg.Dial != nil {
		return c.cfg.Dial(ctx, a)
	}
	d := net.Dialer{Timeout: dialTimeout}
	if c.local.IsValid() && c.local.Is4() == a.Addr().Unmap().Is4() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(c.local, 0))
	}
	d.KeepAlive = time.Minute
	return d.DialContext(ctx, "tcp", a.String())
}
