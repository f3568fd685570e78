package netgroup

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// dialAll asks for a dial ten times a second for a time, and counts those granted.
func dialAll(d *Dials, a netip.Addr, by Teller, from time.Time, during time.Duration) (n int) {
	for at := time.Duration(0); at < during; at += 100 * time.Millisecond {
		if d.Take(a, by, from.Add(at)) {
			n++
		}
	}
	return n
}

func TestDialsBoundAVictim(t *testing.T) {
	start := time.Unix(1e9, 0)
	public, local := netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("192.168.1.7")
	for _, c := range []struct {
		name   string
		addr   netip.Addr
		by     Teller
		during time.Duration
		least  int
		most   int
	}{
		{"a tracker, half a minute", public, Tracker, 30 * time.Second, 5, 6},
		{"peers, a minute", public, Peer, time.Minute, 6, 10},
		{"peers, ten minutes", public, Peer, 10 * time.Minute, 20, 30},
		{"an inner address", local, Peer, time.Minute, 64, 64},
	} {
		d := &Dials{}
		if n := dialAll(d, c.addr, c.by, start, c.during); n < c.least || n > c.most {
			t.Errorf("%s: %d dials, want %d to %d", c.name, n, c.least, c.most)
		}
		if !d.Ready(netip.MustParseAddr("203.0.113.8"), c.by, start) {
			t.Errorf("%s: its neighbour may not be dialled", c.name)
		}
	}
	d := &Dials{} // all kinds together, in any form of the address
	n := dialAll(d, public, Peer, start, 30*time.Second)
	n += dialAll(d, netip.AddrFrom16(public.As16()), Tracker, start.Add(30*time.Second), 30*time.Second)
	if n > 10 {
		t.Errorf("%d dials in a minute on the word of both", n)
	}
}

// TestDialsReached: an address where a peer answers is not held back, and one
// that is silent for long is tried twice a minute.
func TestDialsReached(t *testing.T) {
	d, now, a := &Dials{}, time.Unix(1e9, 0), netip.MustParseAddr("203.0.113.7")
	for range 100 {
		if !d.Take(a, Tracker, now) {
			t.Fatal("held back although a peer answers there each time")
		}
		d.Reached(a)
	}
	d.Reached(a)
	d.Reached(netip.MustParseAddr("203.0.113.9"))
	dialAll(d, a, Peer, now, 10*time.Minute)
	if n := dialAll(d, a, Peer, now.Add(10*time.Minute), 10*time.Minute); n < 18 || n > 21 {
		t.Errorf("%d dials in ten minutes after ten silent ones", n)
	}
}

func TestDialsAreBounded(t *testing.T) {
	d, now := &Dials{}, time.Unix(1e9, 0)
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}) }
	for i := range maxVictims + 10 {
		if got := d.Take(addr(i), Peer, now); got != (i < maxVictims) {
			t.Fatalf("address %d: %t", i, got)
		}
	}
	if now = now.Add(peerWindow); !d.Take(addr(maxVictims), Peer, now) || len(d.victims) != 1 {
		t.Errorf("a minute later %d addresses are remembered", len(d.victims))
	}
}

func TestTold(t *testing.T) {
	var told Told
	teller, other := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("192.0.2.1")
	at := func(a string, port int) netip.AddrPort {
		return netip.AddrPortFrom(netip.MustParseAddr(a), uint16(port))
	}
	for i := range MaxPorts {
		if ok, _ := told.Add(teller, at("203.0.113.7", 7000+i)); !ok {
			t.Fatalf("port %d is refused", i+1)
		}
	}
	if ok, crowded := told.Add(other, at("203.0.113.7", 8000)); ok || !crowded {
		t.Errorf("one port too many: %t, %t", ok, crowded)
	}
	told.Remove(teller, at("203.0.113.7", 7000))
	if ok, _ := told.Add(other, at("203.0.113.7", 8000)); !ok {
		t.Error("no room after one was forgotten")
	}
	for i := range 2 * MaxTold {
		ok, crowded := told.Add(netip.MustParseAddr(fmt.Sprintf("198.51.100.%d", i)), at("10.0.0.1", 7000+i))
		if ok != (i < MaxTold-MaxPorts+1) || crowded {
			t.Fatalf("address %d of a group: %t, %t", i, ok, crowded)
		}
	}
	if ok, _ := told.Add(other, at("10.0.0.1", 9000)); !ok {
		t.Error("another teller has no room")
	}
}

// TestDialsMet: where a peer answered is dialled whatever goes on at other ports of
// the address, for an hour; and what is remembered is bounded.
func TestDialsMet(t *testing.T) {
	var d Dials
	now := time.Unix(1_700_000_000, 0)
	live := netip.MustParseAddrPort("203.0.113.7:6881")
	d.Meet(live, now)
	for d.Take(live.Addr(), Peer, now) {
	}
	if !d.Met(live, now) || d.Met(netip.AddrPortFrom(live.Addr(), 6882), now) {
		t.Error("where a peer answered is not told from another port")
	}
	if now = now.Add(2 * time.Hour); d.Met(live, now) {
		t.Error("still known after two hours")
	}
	for i := range 3 * maxMet {
		d.Meet(netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), 6881), now)
	}
	if len(d.met) > maxMet {
		t.Errorf("%d are remembered, at most %d are to be", len(d.met), maxMet)
	}
}
