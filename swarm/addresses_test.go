package swarm

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/priority"
)

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// numbered makes n addresses, each of a group of its own.
func numbered(network byte, n int) (out []netip.AddrPort) {
	for i := range n {
		out = append(out, netip.AddrPortFrom(netip.AddrFrom4([4]byte{network, byte(i), byte(i >> 8), byte(i >> 16)}), 6881))
	}
	return out
}

func TestAddressesWorthKeeping(t *testing.T) {
	b := newAddressBook()
	b.isSelf(at("9.9.9.9:9"))
	none := []netip.AddrPort{{}, at("1.2.3.4:0"), at("0.0.0.0:1"), at("[::]:1"), at("239.192.152.143:6771"), at("[ff15::1]:1"), at("9.9.9.9:9")}
	if n := b.add(none, fromCaller); n != 0 || len(b.known) != 0 {
		t.Errorf("took %d of %v", n, none)
	}
	if n := b.add([]netip.AddrPort{at("[::ffff:1.2.3.4]:1"), at("1.2.3.4:1"), at("[2001:db8::1]:1")}, fromPEX); n != 2 {
		t.Errorf("took %d, want 2", n)
	}
}

// TestOriginsInFullBook fills the book with the worst, and lets the better
// displace them, never the other way round.
func TestOriginsInFullBook(t *testing.T) {
	b := newAddressBook()
	b.add(numbered(1, 3000), fromPEX)
	if len(b.known) != maxAddresses {
		t.Fatalf("%d known, want %d", len(b.known), maxAddresses)
	}
	if n := b.add(numbered(2, 10), fromPEX); n != 0 {
		t.Errorf("%d of PEX displaced others of PEX", n)
	}
	for net, from := range map[byte]origin{3: fromLSD, 4: fromTracker, 5: fromBefore, 6: fromCaller} {
		if n := b.add(numbered(net, 20), from); n != 20 {
			t.Errorf("%d of origin %d had room, want 20", n, from)
		}
	}
	b.add(numbered(4, 3000), fromTracker)
	counts := map[origin]int{}
	for _, k := range b.known {
		counts[k.from]++
	}
	if counts[fromPEX] != 0 || counts[fromLSD] != 0 || counts[fromBefore] != 20 || counts[fromCaller] != 20 || len(b.known) != maxAddresses {
		t.Errorf("got %v", counts)
	}
	if b.add(numbered(7, 10), fromPEX)+b.add(numbered(8, 10), fromLSD) != 0 {
		t.Error("PEX or LSD displaced what trackers told")
	}
	// One that is connected or being dialled stays.
	b = newAddressBook()
	b.add(numbered(1, maxAddresses), fromPEX)
	for i, k := range numbered(1, maxAddresses) {
		b.known[k].joined = i%2 == 0
		b.known[k].dialing = i%2 == 1
	}
	if n := b.add(numbered(4, 10), fromTracker); n != 0 {
		t.Errorf("%d displaced peers that are in use", n)
	}
}

func TestBetterOriginCounts(t *testing.T) {
	b := newAddressBook()
	a := numbered(1, 1)
	for _, step := range []struct{ told, want origin }{
		{fromLSD, fromLSD}, {fromPEX, fromLSD}, {fromTracker, fromTracker}, {fromLSD, fromTracker}, {fromCaller, fromCaller}, {fromTracker, fromCaller},
	} {
		b.add(a, step.told)
		if got := b.known[a[0]].from; got != step.want {
			t.Errorf("told by %d: got origin %d, want %d", step.told, got, step.want)
		}
	}
}

func TestDialOrder(t *testing.T) {
	now := time.Now()
	b := newAddressBook()
	own := at("98.76.54.32:6881")
	b.add([]netip.AddrPort{at("20.1.0.1:1"), at("21.2.0.1:1"), at("22.3.0.1:1")}, fromTracker)
	b.isOurs(own)
	b.add([]netip.AddrPort{at("30.0.0.1:1"), at("31.0.0.1:1")}, fromPEX)
	b.add([]netip.AddrPort{at("40.0.0.1:1")}, fromLSD)
	b.add([]netip.AddrPort{at("50.0.0.1:1")}, fromBefore)
	b.add([]netip.AddrPort{at("60.0.0.1:1")}, fromCaller)
	byRank := func(list ...string) []netip.AddrPort {
		var out []netip.AddrPort
		for _, s := range list {
			out = append(out, at(s))
		}
		slices.SortFunc(out, func(x, y netip.AddrPort) int { return int(int64(priority.Of(own, y)) - int64(priority.Of(own, x))) })
		return out
	}
	want := slices.Concat(byRank("60.0.0.1:1"), byRank("50.0.0.1:1"), byRank("20.1.0.1:1", "21.2.0.1:1", "22.3.0.1:1"),
		byRank("40.0.0.1:1"), byRank("30.0.0.1:1", "31.0.0.1:1"))
	if got := b.due(now, 100, false); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := b.due(now, 3, false); !slices.Equal(got, want[:3]) {
		t.Errorf("of the first three got %v", got)
	}
	// What failed goes behind what was not tried, but for the caller's.
	for _, a := range append(slices.Clone(want[1:3]), want[0]) {
		b.failed(a, now)
	}
	want = slices.Concat(want[:1], want[3:], want[1:3])
	if got := b.due(now.Add(time.Minute), 100, false); !slices.Equal(got, want) {
		t.Errorf("after failures got %v, want %v", got, want)
	}
}

func TestHearsayIsForgotten(t *testing.T) {
	for from, want := range map[origin]bool{fromPEX: false, fromLSD: false, fromTracker: true, fromBefore: true, fromCaller: true} {
		b := newAddressBook()
		a := numbered(1, 1)
		b.add(a, from)
		now := time.Now()
		for range maxFailures {
			if got := b.due(now, 1, false); len(got) != 1 {
				t.Fatalf("origin %d: forgotten too soon", from)
			}
			b.known[a[0]].dialing = true
			b.dialing++
			b.failed(a[0], now)
			now = now.Add(lastBackoff)
		}
		if got := len(b.known) == 1; got != want || b.dialing != 0 {
			t.Errorf("origin %d: kept %t, want %t; %d dials under way", from, got, want, b.dialing)
		}
	}
}

// TestIncomingIsNotDialled has a peer that connected to us tell where it
// listens: it is dialled when it has left, not before.
func TestIncomingIsNotDialled(t *testing.T) {
	b := newAddressBook()
	a := at("1.2.3.4:5")
	now := time.Now()
	b.isConnected(a)
	b.add([]netip.AddrPort{a}, fromTracker)
	if got := b.due(now, 1, false); got != nil {
		t.Errorf("dials %v, which is connected", got)
	}
	b.ended(a, now, true)
	if got := b.due(now.Add(firstBackoff), 1, false); len(got) != 1 {
		t.Error("does not dial one that has left")
	}
}

func TestOursAsOthersSeeIt(t *testing.T) {
	b := newAddressBook()
	for i, own := range []string{"0.0.0.0:1", "[::]:1", "98.76.54.32:6881", "[::ffff:98.76.54.33]:6881", "[2001:db8::1]:6881"} {
		b.isOurs(at(own))
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{4, 4, byte(i), 4}), 1)
		b.add([]netip.AddrPort{a, at("[2001:db8::2]:1")}, fromPEX)
	}
	if got := fmt.Sprint(b.own); got != "[98.76.54.33:6881 [2001:db8::1]:6881]" {
		t.Errorf("got %s", got)
	}
	for a, k := range b.known {
		if want := priority.Of(b.own[family(a.Addr())], a); k.rank != want || want == 0 {
			t.Errorf("%v: got %08x, want %08x", a, k.rank, want)
		}
	}
}
