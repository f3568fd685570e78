package tracker

import (
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
// id, or the connect request that is to get one. Guarded by udpTrackers.mu.
type conn struct {
	id      uint64
	asked   time.Time // when the connect request that brought id was sent
	have    bool      // id came
	waiters int       // exchanges under way
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

// conn returns the state of a tracker address. The caller holds udpTrackers.mu.
func (u *udpTrackers) conn(addr netip.AddrPort) *conn {
	if k := u.conns[addr]; k != nil {
		return k
	}
	if len(u.conns) >= u.sweep {
		for a, k := range u.conns {
			if k.waiters == 0 && !k.valid() {
				delete(u.conns, a)
			}
		}
		u.sweep = 2*len(u.conns) + 64
	}
	k := &conn{}
	u.conns[addr] = k
	return k
}

func (k *conn) valid() bool { return k.have && time.Since(k.asked) <= connLife }

// connect returns a connection id for an address, or the question whose answer
// will bring it; that is asked now, unless somebody did so a moment ago.
func (x *exchange) connect(a *ask) (uint64, *connecting, error) {
	k := a.conn
	x.u.mu.Lock()
	if k.valid() {
		defer x.u.mu.Unlock()
		return k.id, nil, nil
	}
	if k.pending == nil {
		k.pending = x.newConnecting(k, a.addr)
	}
	p := k.pending
	due := p.sent.IsZero() || time.Since(p.sent) >= connSpacing
	if due {
		p.sent = time.Now()
	}
	x.u.mu.Unlock()
	if !due {
		return 0, p, nil
	}
	err := x.u.send(x.s, packet.AppendConnect(nil, p.transaction), a.addr)
	if err != nil {
		x.u.mu.Lock()
		p.sent = time.Time{} // nobody shall wait for its answer
		x.u.mu.Unlock()
	}
	return 0, p, err
}

// newConnecting registers a connect question. The caller holds udpTrackers.mu.
func (x *exchange) newConnecting(k *conn, addr netip.AddrPort) *connecting {
	p := &connecting{ready: make(chan struct{})}
	p.question = x.s.ask(addr, func(reply []byte) {
		p.id, p.err = connReply(reply)
		x.u.mu.Lock()
		defer x.u.mu.Unlock()
		if k.pending == p {
			k.pending = nil
		}
		if p.err == nil {
			k.id, k.asked, k.have = p.id, p.sent, true
		}
		close(p.ready)
	})
	return p
}

// leave withdraws the connect question when nobody waits for it any more. The
// caller holds udpTrackers.mu.
func (k *conn) leave(s *socket) {
	k.waiters--
	if k.waiters == 0 && k.pending != nil {
		delete(s.open, k.pending.question)
		k.pending = nil
	}
}

// dropConn forgets a connection id that the tracker does not seem to know.
func (u *udpTrackers) dropConn(k *conn, id uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if k.id == id {
		k.have = false
	}
}
