package tracker

import (
	"context"
	"net/netip"
	"time"

	"p2pfs/swarm/tracker/packet"
)

const (
	// connLife is how long a connection id may be used (BEP 15). It is counted
	// from the last time it was asked for, so that it never outlives the
	// tracker's own reckoning.
	connLife = time.Minute
	// connSpacing keeps the callers that wait for one tracker from sending a
	// connect request each.
	connSpacing = 5 * time.Second
)

// A conn is what all torrents share about one tracker address: the connection
// id, or the connect request that is to get one. Guarded by Client.mu.
type conn struct {
	id      uint64
	asked   time.Time // when the connect request that brought id was sent
	have    bool      // id came
	waiters int
	pending *connecting
}

// A connecting is one connect question, shared by all who wait for its answer.
type connecting struct {
	question
	sent  time.Time     // last time, zero: never
	ready chan struct{} // closed when the answer has come
	id    uint64        // set before ready is closed, as is err
	err   error
}

// conn returns the state of a tracker address. The caller holds c.mu.
func (c *Client) conn(addr netip.AddrPort) *conn {
	if k := c.conns[addr]; k != nil {
		return k
	}
	if len(c.conns) >= c.sweepConns {
		for a, k := range c.conns {
			if k.waiters == 0 && !k.valid() {
				delete(c.conns, a)
			}
		}
		c.sweepConns = 2*len(c.conns) + 64
	}
	k := &conn{}
	c.conns[addr] = k
	return k
}

func (k *conn) valid() bool { return k.have && time.Since(k.asked) <= connLife }

// connect returns a connection id for addr, and whether it was got just now. It
// asks for one unless there is one, and waits for the answer until the pace says
// that it is time for the next try: errTimeout.
func (x *exchange) connect(ctx context.Context, addr netip.AddrPort) (id uint64, fresh bool, err error) {
	c := x.c
	c.mu.Lock()
	k := c.conn(addr)
	if k.valid() {
		defer c.mu.Unlock()
		return k.id, false, nil
	}
	k.waiters++
	if k.pending == nil {
		k.pending = x.newConnecting(k, addr)
	}
	p := k.pending
	due := p.sent.IsZero() || time.Since(p.sent) >= connSpacing
	if due {
		p.sent = time.Now()
	}
	c.mu.Unlock()
	defer c.leaveConn(x.s, k)

	if due {
		if err := c.send(x.s, packet.AppendConnect(nil, p.transaction), addr); err != nil {
			return 0, false, err
		}
	}
	if _, err := await(ctx, x, p.ready); err != nil {
		return 0, false, err
	}
	return p.id, true, p.err
}

// newConnecting registers a connect question. The caller holds c.mu.
func (x *exchange) newConnecting(k *conn, addr netip.AddrPort) *connecting {
	p := &connecting{ready: make(chan struct{})}
	p.question = x.s.ask(addr, func(reply []byte) {
		p.id, p.err = connReply(reply)
		x.c.mu.Lock()
		defer x.c.mu.Unlock()
		k.pending = nil
		if p.err == nil {
			k.id, k.asked, k.have = p.id, p.sent, true
		}
		close(p.ready)
	})
	return p
}

// leaveConn withdraws the connect question when nobody waits for it any more.
func (c *Client) leaveConn(s *socket, k *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.waiters--
	if k.waiters == 0 && k.pending != nil {
		delete(s.open, k.pending.question)
		k.pending = nil
	}
}

// dropConn forgets a connection id that the tracker does not seem to know.
func (c *Client) dropConn(addr netip.AddrPort, id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.conns[addr]; k != nil && k.id == id {
		k.have = false
	}
}
