package gather

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/wire"
)

// Bounds on dialling.
const (
	maxDialling = 8  // attempts at once
	dialsPerS   = 20 // attempts begun
)

// errProbed ends a connection that was to find out who listens.
var errProbed = errors.New("address verified")

// dialDue dials the addresses whose time has come. Addresses where a connected
// member says he listens are only probed.
func (g *Gathering) dialDue() {
	if g.net.Dial == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.closed || g.dialling >= maxDialling || g.dials.TokensAt(now) < 1 {
		return
	}
	groups, dialled := g.conns.dialled()
	room := g.conns.rule.ToDial(dialled, len(g.conns.byID))
	connected := func(o book.Owner) bool { return g.conns.of(o) != nil }
	for _, due := range g.book.Due(now, maxKnown, book.Wish{Connected: connected}) {
		if g.dialling >= maxDialling {
			return
		}
		group := netgroup.Of(due.Addr.Addr())
		if !due.Probe && (g.dialling >= room || groups[group] >= g.conns.rule.PerGroup()) {
			continue
		}
		if g.net.MayDial != nil && !g.net.MayDial(now) || !g.dials.AllowN(now, 1) {
			return
		}
		if !g.book.Take(due.Addr, now) {
			continue // another port of it is being dialled
		}
		g.dialling++
		if !due.Probe {
			groups[group]++
		}
		g.wg.Go(func() { g.dial(due.Addr, due.Probe) })
	}
}

// dial makes a connection and runs it. A probe only finds out who listens.
func (g *Gathering) dial(a netip.AddrPort, probe bool) {
	var c *Conn
	err := g.guarded(func() error {
		ctx, cancel := context.WithTimeout(g.ctx, Time)
		defer cancel()
		nc, err := g.net.Dial(ctx, a)
		if err == nil {
			c = NewConn(nc, a, g.cfg.Most)
			c.Hello.Probe = probe
		}
		return err
	})
	if err == nil {
		err = g.attach(c, nil, func() {})
	}
	if c == nil || !c.reached {
		g.over(a, err)
	}
}

// over notes that a dial came to nobody.
func (g *Gathering) over(a netip.AddrPort, err error) {
	broke := g.broke(err)
	g.locked(func() {
		g.dialling--
		switch {
		case errors.Is(err, ErrSelf):
			g.book.Self(a)
		case broke:
			g.book.Ended(a, book.Broken, time.Now())
		default:
			g.book.Ended(a, book.Unreached, time.Now())
		}
	})
	g.net.Log.Debug("no member reached", "peer", a, "err", err)
	g.dialDue()
}

// broke reports whether an error says that the other side broke the protocol.
func (g *Gathering) broke(err error) bool {
	return errors.Is(err, ErrTooLong) || errors.Is(err, ErrHandshake) || errors.Is(err, ErrFlood) || g.cfg.Handler.Broke(err)
}

// attach runs a connection from its handshakes to its end and returns why it
// ended. greeted is called when it is known who that is, or that failed.
func (g *Gathering) attach(c *Conn, theirs *wire.Handshake, greeted func()) error {
	defer context.AfterFunc(g.ctx, func() { c.Close(ErrClosed) })()
	written := make(chan struct{})
	go func() {
		defer close(written)
		err := g.guarded(func() error { c.Run(keepAlive); return nil })
		c.Close(cmp.Or(err, ErrClosed)) // Run has closed it, unless it panicked
	}()
	defer func() { <-written }()
	var p Peer
	err := g.guarded(func() (err error) {
		if g.net.Identity != nil {
			c.Hello.Identity = g.net.Identity(c.net)
		}
		if err = g.shaker.Shake(c, theirs); err == nil {
			p, err = g.cfg.Handler.Greet(c)
		}
		if err == nil {
			c.Greeted()
			c.who = p.Who()
		}
		return err
	})
	greeted()
	if err == nil {
		if err = g.admit(c); err == nil {
			err = g.guarded(p.Serve)
			c.Close(err)
			g.left(c)
		}
	}
	c.Close(err)
	g.net.Log.Debug("connection over", "peer", c.Remote, "err", c.err)
	return c.err
}

// admit notes who was met on a connection, and gives it a place.
func (g *Gathering) admit(c *Conn) error {
	now, dialled, news := time.Now(), c.Dialled.IsValid(), false
	var out *Conn
	var why error
	err := errProbed
	g.locked(func() {
		if dialled {
			g.dialling--
			c.reached = true
			news = g.book.Arrived(c.Dialled, c.who.Owner, now)
		}
		c.listen = c.Listen(c.who.Port)
		if !c.Hello.Probe {
			out, why, err = g.conns.admit(c, now)
		}
		switch {
		case err != nil:
		case dialled:
			g.book.Joined(c.Dialled)
		case c.listen.IsValid():
			g.book.Listens(c.listen, c.who.Owner)
		}
	})
	if out != nil {
		out.Close(why)
	}
	if news {
		g.cfg.Handler.Reached(c.who.Owner, c.Dialled)
	}
	g.dialDue()
	return err
}

// left notes that a connection which had a place has ended.
func (g *Gathering) left(c *Conn) {
	now := time.Now()
	end := book.Useful
	switch {
	case g.broke(c.err):
		end = book.Broken
	case now.Sub(c.since) < sameTime:
		end = book.Useless
	}
	g.locked(func() {
		g.conns.remove(c)
		if !g.conns.listening(c.listen) { // else another says that he listens there
			g.book.Ended(c.listen, end, now)
		}
	})
	g.dialDue()
}
