package drive

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/hashing"
)

const planted = guard.Planted("planted in a test")

// once panics the first time that it is called.
type once struct{ done atomic.Bool }

func (o *once) panics() {
	if !o.done.Swap(true) {
		panic(planted)
	}
}

// TestPanicInCallback plants a panic in each of the caller's functions, all of
// which run on goroutines that serve members: the member goes on, another can use
// what panicked, and Close leaves nothing.
func TestPanicInCallback(t *testing.T) {
	root := hash(7)
	for name, plant := range map[string]func(c *Config, o *once){
		"OnView": func(c *Config, o *once) { fakesOf(c).view = func(_, _ *union.View) { o.panics() } },
		"Holders": func(c *Config, o *once) {
			fakesOf(c).holders = func(hashing.Content) []Holder { o.panics(); return nil }
		},
		"Object": func(c *Config, o *once) {
			fakesOf(c).object = func(catalog.Hash) ([]byte, bool) { o.panics(); return nil, false }
		},
		"Dial":      func(c *Config, o *once) { engineOf(c).Dial = panicDialer{engineOf(c).Dial, o}.Dial },
		"handshake": func(c *Config, o *once) { engineOf(c).Dial = panicGreeter{engineOf(c).Dial, o}.Dial },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, p *pipes) {
				var o once
				g := guard.New(nil)
				nd := pipeMember(t, p, 1, func(c *Config) { plant(c, &o); c.Guard = g })
				other := pipeMember(t, p, 2)
				nd.join(other)
				nd.share(file("a", 1))
				time.Sleep(10 * time.Second)
				s := nd.call(3).meet()
				s.Say(message.Who{File: hashing.Content{Root: root, Size: 1}})
				s.Say(message.Get{Hashes: []catalog.Hash{root}})
				time.Sleep(10 * time.Second)
				if g.Caught() != 1 || !o.done.Load() {
					t.Fatalf("%d panics caught, want 1", g.Caught())
				}
				again := nd.call(4).meet()
				again.Say(message.Who{File: hashing.Content{Root: root, Size: 1}})
				expect[message.Holds](again)
				again.Say(message.Get{Hashes: []catalog.Hash{root}})
				expect[message.None](again)
				other.share(file("b", 2))
				time.Sleep(time.Minute)
				if !nd.connected(other.cfg.Identity.Key()) || !nd.has("b") || !other.has("a") {
					t.Error("the member does not go on with others")
				}
			})
		})
	}
}

type panicDialer struct {
	dial dialFunc
	*once
}

func (d panicDialer) Dial(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
	d.panics()
	return d.dial(ctx, a)
}

// panicGreeter dials connections of which the first panics in the handshake.
type panicGreeter struct {
	dial dialFunc
	*once
}

func (d panicGreeter) Dial(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
	c, err := d.dial(ctx, a)
	return panicConn{c, d.once}, err
}

type panicConn struct {
	net.Conn
	*once
}

func (c panicConn) SetReadDeadline(t time.Time) error {
	c.panics()
	return c.Conn.SetReadDeadline(t)
}

// Events of the loop that panic, and are otherwise those that they hold.
type (
	badReceived struct{ received }
	badJoined   struct{ joined }
	badLeft     struct{ left }
	badDrained  struct{ drained }
	badAsking   struct{ asking }
)

func (badReceived) apply(*loop) { panic(planted) }
func (badJoined) apply(*loop)   { panic(planted) }
func (badLeft) apply(*loop)     { panic(planted) }
func (badDrained) apply(*loop)  { panic(planted) }
func (badAsking) apply(*loop)   { panic(planted) }

// connOf returns the loop's connection with a member.
func connOf(t *testing.T, nd *pnode, k catalog.Key) *conn {
	t.Helper()
	found := make(chan *conn, 1)
	nd.post(nd.ctx, call(func(l *loop) { found <- l.conns.byKey[k] }))
	return <-found
}

// TestPanicInLoop has each kind of event panic: whoever it came from is closed,
// whoever waits for it is told, and the next event is served.
func TestPanicInLoop(t *testing.T) {
	for name, event := range map[string]func(c *conn) event{
		"received": func(c *conn) event { return badReceived{received{c: c}} },
		"left":     func(c *conn) event { return badLeft{left{c}} },
		"drained":  func(c *conn) event { return badDrained{drained{c}} },
		"joined":   func(c *conn) event { return badJoined{joined{c: c, taken: make(chan error, 1)}} },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, p *pipes) {
				g := guard.New(nil)
				nd := pipeMember(t, p, 1, func(c *Config) { c.Guard = g })
				s := nd.call(2).meet()
				synctest.Wait()
				c := connOf(t, nd, s.id.Key())
				if c == nil {
					t.Fatal("not connected")
				}
				nd.post(nd.ctx, event(c))
				s.untilClosed()
				synctest.Wait()
				if nd.connected(s.id.Key()) || g.Caught() != 1 {
					t.Errorf("connected: %v, caught: %d; want false and 1", nd.connected(s.id.Key()), g.Caught())
				}
				if err := c.net.Err(); !errors.Is(err, guard.ErrPanic) {
					t.Errorf("closed with %v, want one that says internal error", err)
				}
				nd.share(file("a", 1))
				next := nd.call(3).meet()
				next.Say(message.Summary{})
				expect[message.Heads](next)
			})
		})
	}
}

// TestPanicTold has events panic that somebody waits for.
func TestPanicTold(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		g := guard.New(nil)
		nd := pipeMember(t, p, 1, func(c *Config) { c.Guard = g })
		taken := make(chan error, 1)
		c := newConn(nd.Drive, gather.NewConn(pipeConn{&net.TCPConn{}, nd.addr}, nd.addr, 1))
		nd.post(nd.ctx, badJoined{joined{c, taken}})
		if err := <-taken; !errors.Is(err, guard.ErrPanic) {
			t.Errorf("taken %v", err)
		}
		failed := make(chan error, 1)
		nd.post(nd.ctx, badAsking{asking{failed: func(err error) { failed <- err }}})
		if err := <-failed; !errors.Is(err, guard.ErrPanic) || !strings.Contains(err.Error(), string(planted)) {
			t.Errorf("told %v", err)
		}
		if nd.share(file("a", 1)); !nd.has("a") {
			t.Error("nothing is published after a panic")
		}
	})
}
