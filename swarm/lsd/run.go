package lsd

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"
)

// refresh is how often the interfaces are looked at, and retry how often while
// one of them cannot be used: its cable may not be in yet.
const (
	refresh = time.Minute
	retry   = 5 * time.Second
)

// run announces until the Client is closed.
func (c *Client) run() {
	var links []*open
	var next time.Duration // until interfaces are looked at
	defer func() {
		for _, l := range links {
			l.conn.Close()
		}
	}()
	links, next = c.relink(links)
	look := time.NewTimer(next)
	defer look.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-look.C:
			links, next = c.relink(links)
			look.Reset(next)
		case l := <-c.lost:
			links = slices.DeleteFunc(links, func(o *open) bool { return o == l })
			l.conn.Close()
			look.Reset(retry)
		case <-c.wake:
		case <-timer.C:
		}
		timer.Reset(c.announce(links))
	}
}

// announce sends what is due and returns how long to wait for more.
func (c *Client) announce(links []*open) time.Duration {
	for {
		c.mu.Lock()
		hashes := c.schedule.batch(time.Now())
		at, ok := c.schedule.next()
		c.mu.Unlock()
		if hashes != nil {
			c.send(links, hashes)
			continue
		}
		if !ok {
			return refresh
		}
		return max(time.Until(at), time.Millisecond)
	}
}

// send announces on every link.
func (c *Client) send(links []*open, hashes [][20]byte) {
	for _, l := range links {
		p := appendMessage(nil, l.Group, message{port: c.cfg.Port, infoHashes: hashes, cookie: c.cookie})
		_, err := l.conn.WriteTo(p, net.UDPAddrFromAddrPort(l.Group))
		l.unsent = err != nil
		c.log.Debug("local announce", "interface", l.Name, "group", l.Group, "infohashes", len(hashes), "err", err)
	}
}

// greet announces on a link what was announced on others while it was not there,
// or not ready to send: the latest, as much as one datagram holds, and not twice
// in a minute where a link comes and goes. The rest is hurried for a new link; one
// that cannot send may be so for ever, as loopback is over IPv6.
func (c *Client) greet(l *open, fresh bool) {
	c.mu.Lock()
	hashes := c.schedule.again(fresh)
	c.mu.Unlock()
	name := l.Name + l.Group.String()
	if now := time.Now(); len(hashes) > 0 && !now.Before(c.greeted[name].Add(floor)) {
		if c.send([]*open{l}, hashes); !l.unsent {
			c.greeted[name] = now
		}
	}
}

// relink opens links that are new and closes those that are gone. It returns
// the links and when to look again.
func (c *Client) relink(links []*open) ([]*open, time.Duration) {
	now, err := c.cfg.Links()
	if err != nil {
		c.log.Warn("interfaces for local discovery", "err", err)
		return links, refresh
	}
	var keep []*open
	for _, l := range links {
		i := slices.IndexFunc(now, l.same)
		if i < 0 || !slices.Equal(l.Prefixes, now[i].Prefixes) {
			l.conn.Close()
			continue
		}
		keep = append(keep, l)
		if l.unsent {
			c.greet(l, false)
		}
	}
	next := refresh
	for _, n := range now {
		if slices.ContainsFunc(keep, func(l *open) bool { return l.same(n) }) {
			continue
		}
		conn, err := c.cfg.Open(n)
		if err != nil {
			c.log.Debug("no local discovery here", "interface", n.Name, "group", n.Group, "err", err)
			next = retry
			continue
		}
		l := &open{Link: n, conn: conn}
		c.wg.Go(func() { c.read(l) })
		keep = append(keep, l)
		c.greet(l, true)
	}
	return keep, next
}

// read hears what comes on a link until its socket is closed or breaks.
func (c *Client) read(l *open) {
	buf := make([]byte, maxPacket+1)
	for {
		n, from, err := l.conn.ReadFrom(buf)
		if err == nil {
			if addr, ok := from.(*net.UDPAddr); ok {
				c.cfg.Guard.Do(func() { c.heard(l, buf[:n], addr.AddrPort()) })
			}
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			c.log.Debug("local discovery", "interface", l.Name, "group", l.Group, "err", err)
			select {
			case c.lost <- l:
			case <-c.done:
			}
			return
		}
	}
}

// heard takes in a datagram.
func (c *Client) heard(l *open, p []byte, from netip.AddrPort) {
	source := from.Addr().Unmap()
	if !l.has(source) || source.IsMulticast() || source.IsUnspecified() {
		return
	}
	if !c.admits(source) {
		return
	}
	m, err := parse(p)
	if err != nil {
		c.log.Debug("local announce dropped", "peer", from, "err", err)
		return
	}
	if m.cookie == c.cookie {
		return // our own
	}
	peer := netip.AddrPortFrom(source, m.port)
	for _, h := range m.infoHashes {
		for _, f := range c.wants(h) {
			f(peer)
		}
	}
}

// admits reports whether a sender is listened to just now.
func (c *Client) admits(source netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gate.admits(source, time.Now())
}

// wants are those who are to be told of peers of an infohash.
func (c *Client) wants(infoHash [20]byte) []func(netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.schedule.wants(infoHash)
}
