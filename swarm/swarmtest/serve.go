package swarmtest

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// Behaviour is how a peer acts on one connection, which it leaves open or
// not. It returns when ctx ends or the connection does.
type Behaviour func(ctx context.Context, c *Conn) error

// Peer is a listening peer with a behaviour.
type Peer struct {
	Addr netip.AddrPort

	mu    sync.Mutex
	conns int
	open  int
}

// Conns returns how many connections it has had, and how many are open.
func (p *Peer) Conns() (all, open int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns, p.open
}

func (p *Peer) count(all, open int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns += all
	p.open += open
}

// Serve listens on a host of its own and acts as b on each connection, until
// the test ends. Errors of b are the other side's to notice: they are logged
// at most.
func Serve(t testing.TB, b Behaviour) *Peer {
	t.Helper()
	return ServeOn(t, netip.AddrPortFrom(Host(), 0), b)
}

// ServeOn is Serve on a given address; port 0 leaves the choice to the kernel.
func ServeOn(t testing.TB, addr netip.AddrPort, b Behaviour) *Peer {
	t.Helper()
	p := &Peer{}
	p.Addr = accept(t, addr, func(ctx context.Context, c *net.TCPConn) {
		p.count(1, 1)
		defer p.count(0, -1)
		act(ctx, b, NewConn(c, false))
	})
	return p
}

// accept listens on addr until the test ends, and serves each connection on a
// goroutine of its own, whose ctx ends then. It returns where it listens.
func accept(t testing.TB, addr netip.AddrPort, serve func(context.Context, *net.TCPConn)) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp", addr.String())
	if err != nil {
		t.Fatalf("swarmtest: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { serve(ctx, c.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		cancel()
		ln.Close()
		wg.Wait()
	})
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

// Connect dials a peer from a host and acts as b, dialling again a second
// after the connection has ended, until the test does.
func Connect(t testing.TB, from netip.Addr, to netip.AddrPort, b Behaviour) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if c, err := DialContext(ctx, from, to); err == nil {
				act(ctx, b, c)
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// act runs b and closes the connection behind it, and before it when ctx
// ends.
func act(ctx context.Context, b Behaviour, c *Conn) {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	_ = b(ctx, c)
}
