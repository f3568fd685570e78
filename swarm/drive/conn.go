package drive

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/gossip"
	"p2pfs/swarm/drive/hello"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/netgroup"
)

// Budgets of what a peer may send unasked. A reader that runs out of allowance
// stops reading for a while; one that gets too much it cannot use closes.
const (
	allowance      = 20_000 // questions and the like at once
	allowancePerS  = 200    // and per second from then on
	maxUnaskedData = 1 << 20
)

// conn is a connection to a member, or to what may turn out to be one.
type conn struct {
	net *gather.Conn
	d   *Drive
	hello.Member
	listen netip.AddrPort // where he says he listens; zero: nowhere

	allowance *rate.Limiter // of questions and the like
	headRoom  *rate.Limiter // of heads, which must not delay the others
	owed      *sending      // objects that the peer asked for

	// Owned by the loop.
	id      int // never used again
	since   time.Time
	unasked int // bytes that nobody asked for
}

func newConn(d *Drive, c *gather.Conn) *conn {
	return &conn{
		net: c, d: d, allowance: rate.NewLimiter(allowancePerS, allowance), headRoom: rate.NewLimiter(gossip.PerS, gossip.Burst),
		owed: newSending(),
	}
}

// group returns the address group that the connection counts in.
func (c *conn) group() netip.Prefix { return netgroup.Of(c.net.Remote.Addr()) }

func (c *conn) Say(m message.Message)   { c.net.Send(m.Encode()) }
func (c *conn) Drain()                  { c.net.Drain() }
func (c *conn) reply(m message.Message) { c.net.Reply(m.Encode()) }

// Hear returns the next message that is known, skipping all others. Errors wrap
// those of errors.go, or are the connection's.
func (c *conn) Hear() (message.Message, error) {
	for {
		body, err := c.net.Read()
		if err != nil {
			return nil, err
		}
		m, err := message.Decode(body)
		if m != nil || err != nil {
			return m, err
		}
		if err := c.net.Ignore(); err != nil {
			return nil, err
		}
	}
}

// allow takes n from what the peer may send unasked, and waits if there is not
// so much.
func (c *conn) allow(ctx context.Context, from *rate.Limiter, n int) {
	wait := from.ReserveN(time.Now(), n).Delay()
	if wait == 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.net.Done():
	case <-ctx.Done():
	}
}

// host is what a drive is to its connections.
type host struct{ d *Drive }

// Greet finds out who is at the other end of a connection.
func (h host) Greet(g *gather.Conn) (gather.Peer, error) {
	c := newConn(h.d, g)
	var err error
	c.Member, err = h.d.self.Greet(c, hello.Terms{
		Dialler: g.Hello.Dialler, Acceptor: g.Hello.Acceptor, Dialled: g.Dialled.IsValid(), Probe: g.Hello.Probe, Port: g.Hello.Port,
	})
	switch {
	case errors.Is(err, hello.ErrVersion), errors.Is(err, hello.ErrCopy):
		h.d.post(h.d.ctx, refused{g.Remote, err})
	case errors.Is(err, hello.ErrSelf):
		err = gather.ErrSelf
	}
	if err != nil {
		return nil, err
	}
	c.listen = c.net.Listen(c.Port)
	return c, nil
}

// Broke reports whether an error says that the other side broke the protocol.
func (host) Broke(err error) bool { return broke(err) }

// Reached tells all members of an address where one was reached.
func (h host) Reached(owner book.Owner, a netip.AddrPort) {
	h.d.post(h.d.ctx, call(func(l *loop) { l.conns.passOn(message.Address{Key: catalog.Key(owner), Addr: a}) }))
}

// Who says who is at the other end.
func (c *conn) Who() gather.Who {
	met := ask(c.d, func(l *loop) bool { return l.state.Authors.WasMet(c.Key) })
	return gather.Who{Owner: book.Owner(c.Key), Port: c.Port, Trusted: c.d.trusts(c.Key), Met: met}
}
