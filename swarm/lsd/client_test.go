package lsd

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/swarm/guard"
)

// on starts a client on the ether.
func on(t *testing.T, e *ether, addr string, port uint16) *Client {
	c := New(Config{Port: port, Links: func() ([]Link, error) { return []Link{link("e0", addr)}, nil }, Open: e.plug})
	t.Cleanup(c.Close)
	return c
}

func TestFindOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		a, b := on(t, e, "10.0.0.1", 1001), on(t, e, "10.0.0.2", 1002)
		var atA, atB peers
		a.Join(hash(1), atA.found)
		time.Sleep(time.Second)
		leave := b.Join(hash(1), atB.found)
		time.Sleep(time.Second)
		if got := atA.take(); !slices.Equal(got, []netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:1002")}) {
			t.Errorf("the first one found %v", got)
		}
		if got := atB.take(); got != nil {
			t.Errorf("the second one found %v before the first announced again", got)
		}
		time.Sleep(interval)
		if got := atB.take(); !slices.Equal(got, []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:1001")}) {
			t.Errorf("the second one found %v", got)
		}
		leave()
		atA.take()
		time.Sleep(2 * interval)
		if atA.take() != nil || atB.take() != nil {
			t.Error("something was found after leaving")
		}
	})
}

func TestHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		a, b := on(t, e, "10.0.0.1", 1001), on(t, e, "10.0.0.2", 1002)
		var at peers
		a.Join(hash(1), at.found)
		time.Sleep(time.Second)
		b.Join(hash(1), at.found)
		time.Sleep(time.Second)
		at.take()
		for range 100 {
			a.Hurry(hash(1))
			a.Hurry(hash(2))
		}
		synctest.Wait()
		if got := at.take(); got != nil {
			t.Errorf("announced twice within a minute")
		}
		time.Sleep(floor)
		if got := at.take(); len(got) != 1 {
			t.Errorf("hurried, found %v, want one", got)
		}
	})
}

// TestHeard gives one member datagrams that must not be believed, and some
// that must.
func TestHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		c := on(t, e, "10.0.0.1", 1001)
		var at peers
		c.Join(hash(1), at.found)
		time.Sleep(time.Second)
		good := message{port: 5, infoHashes: [][20]byte{hash(2), hash(1)}, cookie: "other"}
		own := message{port: 1001, infoHashes: [][20]byte{hash(1)}, cookie: c.cookie}
		for _, tt := range []struct {
			name, from string
			p          []byte
			want       string
		}{
			{"good", "10.0.0.9:6771", appendMessage(nil, group4, good), "10.0.0.9:5"},
			{"from another port", "10.0.0.9:1", appendMessage(nil, group4, good), "10.0.0.9:5"},
			{"in IPv6 form", "[::ffff:10.0.0.9]:1", appendMessage(nil, group4, good), "10.0.0.9:5"},
			{"our own", "10.0.0.1:6771", appendMessage(nil, group4, own), ""},
			{"our own, by another way", "10.0.0.7:6771", appendMessage(nil, group4, own), ""},
			{"another network", "11.0.0.9:6771", appendMessage(nil, group4, good), ""},
			{"no network", "[2001:db8::1]:6771", appendMessage(nil, group4, good), ""},
			{"another infohash", "10.0.0.9:6771", appendMessage(nil, group4, message{port: 5, infoHashes: [][20]byte{hash(2)}}), ""},
			{"garbage", "10.0.0.9:6771", []byte("BT-SEARCH"), ""},
			{"nothing", "10.0.0.9:6771", nil, ""},
			{"long", "10.0.0.9:6771", append(appendMessage(nil, group4, good), make([]byte, 4000)...), ""},
		} {
			e.send(tt.p, netip.MustParseAddrPort(tt.from))
			synctest.Wait()
			got := at.take()
			if tt.want == "" && got != nil || tt.want != "" && !slices.Equal(got, []netip.AddrPort{netip.MustParseAddrPort(tt.want)}) {
				t.Errorf("%s: found %v, want %q", tt.name, got, tt.want)
			}
		}
		for range 10_000 {
			e.send(appendMessage(nil, group4, good), netip.MustParseAddrPort("10.0.0.66:1"))
		}
		synctest.Wait()
		if n := len(at.take()); n > sourceBurst {
			t.Errorf("a flood was heard %d times", n)
		}
		e.send(appendMessage(nil, group4, good), netip.MustParseAddrPort("10.0.0.67:1"))
		synctest.Wait()
		if n := len(at.take()); n != 1 {
			t.Errorf("beside a flood another is heard %d times", n)
		}
	})
}

// TestInterfacesComeAndGo changes what Links says under a running client.
func TestInterfacesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		var mu sync.Mutex
		var now []Link
		var broken error
		set := func(err error, links ...Link) {
			mu.Lock()
			now, broken = links, err
			mu.Unlock()
			time.Sleep(refresh + time.Second)
		}
		c := New(Config{Port: 7, Open: e.plug, Links: func() ([]Link, error) {
			mu.Lock()
			defer mu.Unlock()
			return now, broken
		}})
		defer c.Close()
		c.Join(hash(1), ignore)
		time.Sleep(time.Second)
		if e.sent() != 0 {
			t.Fatal("announced to nowhere")
		}
		set(nil, link("e0", "10.0.0.1"))
		if e.sent() != 1 {
			t.Errorf("a new interface: %d announces, want 1", e.sent())
		}
		set(errors.New("no"), link("e0", "10.0.0.1"))
		if e.sockets() != 1 {
			t.Errorf("interfaces unknown: %d sockets, want 1", e.sockets())
		}
		set(nil, link("e0", "10.0.0.2"), link("e1", "10.0.0.3"))
		if e.sockets() != 2 || e.sent() != 3 {
			t.Errorf("another address and one more: %d sockets, %d announces, want 2 and 3", e.sockets(), e.sent())
		}
		set(nil)
		if e.sockets() != 0 {
			t.Errorf("all gone: %d sockets", e.sockets())
		}
	})
}

// TestLateLink has an interface come up seconds after everything was announced
// on another: there it is announced at once, and not each time that it flaps.
func TestLateLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, late := &ether{}, &ether{}
		var up atomic.Bool
		c := New(Config{
			Port:  7,
			Links: func() ([]Link, error) { return []Link{link("e0", "10.0.0.1"), link("e1", "10.0.0.2")}, nil },
			Open: func(l Link) (net.PacketConn, error) {
				if l.Name == "e0" {
					return e.plug(l)
				}
				if !up.Load() {
					return nil, errors.New("no carrier")
				}
				c, err := late.plug(l)
				return failing{c}, err
			},
		})
		defer c.Close()
		c.Join(hash(1), ignore)
		time.Sleep(time.Second)
		if e.sent() != 1 {
			t.Fatalf("%d announces, want 1", e.sent())
		}
		up.Store(true)
		time.Sleep(retry)
		if e.sent() != 1 || late.sent() != 1 {
			t.Errorf("%d announces on the first link, %d on the late one, want 1 and 1", e.sent(), late.sent())
		}
		time.Sleep(floor - 2*retry)
		if late.sent() != 1 {
			t.Errorf("%d announces on a link that flaps, want 1", late.sent())
		}
	})
}

// mute is a socket that cannot send at first.
type mute struct {
	net.PacketConn
	can *atomic.Bool
}

func (m mute) WriteTo(p []byte, to net.Addr) (int, error) {
	if !m.can.Load() {
		return 0, errors.New("network is unreachable")
	}
	return m.PacketConn.WriteTo(p, to)
}

// TestUnsent announces on a link that was not ready when everything was
// announced once it is, and then no more often than elsewhere.
func TestUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		var can atomic.Bool
		c := New(Config{
			Port:  7,
			Links: func() ([]Link, error) { return []Link{link("e0", "10.0.0.1")}, nil },
			Open: func(l Link) (net.PacketConn, error) {
				c, err := e.plug(l)
				return mute{c, &can}, err
			},
		})
		defer c.Close()
		c.Join(hash(1), ignore)
		time.Sleep(refresh + time.Second)
		can.Store(true)
		time.Sleep(refresh)
		if e.sent() != 1 {
			t.Errorf("%d announces when it could be sent, want 1", e.sent())
		}
		time.Sleep(2 * refresh)
		if e.sent() != 1 {
			t.Errorf("%d announces after that, want no more", e.sent())
		}
	})
}

// failing is a socket that breaks at the first read.
type failing struct{ net.PacketConn }

func (f failing) ReadFrom([]byte) (int, net.Addr, error) {
	return 0, nil, errors.New("network is down")
}

// TestPanicDropsDatagram has what handles a datagram panic: the next is heard, on
// the same socket.
func TestPanicDropsDatagram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		var opened, calls int
		var at peers
		g := guard.New(nil)
		c := New(Config{
			Port:  7,
			Links: func() ([]Link, error) { return []Link{link("e0", "10.0.0.1")}, nil },
			Open:  func(l Link) (net.PacketConn, error) { opened++; return e.plug(l) },
			Guard: g,
		})
		defer c.Close()
		c.Join(hash(1), func(a netip.AddrPort) {
			if calls++; calls == 1 {
				panic(guard.Planted("planted in a test"))
			}
			at.found(a)
		})
		synctest.Wait()
		for range 2 {
			e.send(appendMessage(nil, group4, message{port: 5, infoHashes: [][20]byte{hash(1)}}), netip.MustParseAddrPort("10.0.0.9:1"))
			time.Sleep(time.Minute)
		}
		if got := at.take(); len(got) != 1 || opened != 1 || g.Caught() != 1 {
			t.Errorf("found %v, opened %d sockets, caught %d; want one of each", got, opened, g.Caught())
		}
	})
}

// TestBrokenSocketsAreReplaced has sockets break, and fail to open.
func TestBrokenSocketsAreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		var tries atomic.Int32
		var at peers
		c := New(Config{
			Port:  7,
			Links: func() ([]Link, error) { return []Link{link("e0", "10.0.0.1")}, nil },
			Open: func(l Link) (net.PacketConn, error) {
				switch tries.Add(1) {
				case 1:
					return nil, errors.New("no such device")
				case 2:
					c, err := e.plug(l)
					return failing{c}, err
				}
				return e.plug(l)
			},
		})
		defer c.Close()
		c.Join(hash(1), at.found)
		say := func() {
			e.send(appendMessage(nil, group4, message{port: 5, infoHashes: [][20]byte{hash(1)}}), netip.MustParseAddrPort("10.0.0.9:1"))
			synctest.Wait()
		}
		for want := int32(1); want <= 3; want++ {
			if want > 1 {
				time.Sleep(retry)
			}
			synctest.Wait()
			if got := tries.Load(); got != want {
				t.Fatalf("opened %d times, want %d", got, want)
			}
			say()
		}
		at.take()
		say()
		if len(at.take()) != 1 {
			t.Error("deaf in the end")
		}
	})
}

func TestCloseTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		c := on(t, e, "10.0.0.1", 1)
		c.Join(hash(1), ignore)
		c.Close()
		c.Close()
		c.Join(hash(2), ignore)()
		c.Hurry(hash(1))
		time.Sleep(time.Hour)
		if e.sent() != 0 || e.sockets() != 0 {
			t.Errorf("a closed client sent %d announces and has %d sockets", e.sent(), e.sockets())
		}
	})
}
