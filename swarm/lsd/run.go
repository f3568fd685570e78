package lsd

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"
)

// refresh is how often the interfaces are looked at.
const refresh = time.Minute

// run announces until the Client is closed.
func (c *Client) run() {
	var links []*open
	defer func() {
		for _, l := range links {
			l.conn.Close()
		}
	}()
	links = c.relink(links)
	look := time.NewTicker(refresh)
	defer look.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-look.C:
			links = c.relink(links)
		case l := <-c.lost:
			links = slices.DeleteFunc(links, func(o *open) bool { return o == l })
			l.conn.Close()
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
		c.log.Debug("local announce", "interface", l.Name, "group", l.Group, "infohashes", len(hashes), "err", err)
	}
}

// relink opens links that are new and closes those that are gone. A new one
// hears of all infohashes as soon as may be.
func (c *Client) relink(links []*open) []*open {
	now, err := c.cfg.Links()
	if err != nil {
		c.log.Warn("interfaces for local discovery", "err", err)
		return links
	}
	var keep []*open
	for _, l := range links {
		i := slices.IndexFunc(now, l.same)
		if i < 0 || !slices.Equal(l.Prefixes, now[i].Prefixes) {
			l.conn.Close()
			continue
		}
		keep = append(keep, l)
	}
	fresh := false
	for _, n := range now {
		if slices.ContainsFunc(keep, func(l *open) bool { return l.same(n) }) {
			continue
		}
		conn, err := c.cfg.Open(n)
		if err != nil {
			c.log.Debug("no local discovery here", "interface", n.Name, "group", n.Group, "err", err)
			continue
		}
		l := &open{n, conn}
		c.wg.Go(func() { c.read(l) })
		keep, fresh = append(keep, l), true
	}
	if fresh {
		c.mu.Lock()
		c.schedule.hurryAll()
		c.mu.Unlock()
	}
	return keep
}

// read hears what comes on a link until its socket is closed or breaks.
func (c *Client) read(l *open) {
	buf := make([]byte, maxPacket+1)
	for {
		n, from, err := l.conn.ReadFrom(buf)
		if err == nil {
			if addr, ok := from.(*net.UDPAddr); ok {
				err = c.cfg.Guard(func() { c.heard(l, buf[:n], addr.AddrPort()) })
			}
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			c.log.Debug("local discovery", "interface", l.Name, "group", l.Group, "err", err)
			select {
			case c.lost <- l: // opened again with the next look
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
	c.mu.Lock()
	ok := c.gate.admits(source, time.Now())
	c.mu.Unlock()
	if !ok {
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
		c.mu.Lock()
		found := c.schedule.wants(h)
		c.mu.Unlock()
		for _, f := range found {
			f(peer)
		}
	}
}
