package book

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/netgroup"
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

// ports makes n addresses of one host.
func ports(host string, n int) (out []netip.AddrPort) {
	for i := range n {
		out = append(out, netip.AddrPortFrom(netip.MustParseAddr(host), uint16(2000+i)))
	}
	return out
}

// of is a torrent's book, ofDrive a drive's.
func of() *Book {
	return New(Config{Max: 2000, Failures: [User + 1]int{PEX: 3, LSD: 3}})
}

func ofDrive() *Book {
	return New(Config{Max: 1000, Failures: [User + 1]int{PEX: 8, LSD: 8, Tracker: 8, Before: 8}})
}

// due are the addresses that a book would have dialled now.
func due(b *Book, now time.Time, n int) (out []netip.AddrPort) {
	for _, d := range b.Due(now, n, Wish{}) {
		out = append(out, d.Addr)
	}
	return out
}

func TestAddressesWorthKeeping(t *testing.T) {
	b := of()
	b.Self(at("9.9.9.9:9"))
	none := []netip.AddrPort{{}, at("1.2.3.4:0"), at("0.0.0.0:1"), at("[::]:1"), at("239.192.152.143:6771"), at("[ff15::1]:1"), at("9.9.9.9:9")}
	if n := b.Add(none, User); n != 0 || b.Len() != 0 {
		t.Errorf("took %d of %v", n, none)
	}
	if n := b.Add([]netip.AddrPort{at("[::ffff:1.2.3.4]:1"), at("1.2.3.4:1"), at("[2001:db8::1]:1")}, PEX); n != 2 {
		t.Errorf("took %d, want 2", n)
	}
}

// TestOriginsInFullBook fills the book with the worst, and lets the better
// displace them, never the other way round.
func TestOriginsInFullBook(t *testing.T) {
	b := of()
	b.Add(numbered(1, 3000), PEX)
	if b.Len() != b.table.max {
		t.Fatalf("%d known, want %d", b.Len(), b.table.max)
	}
	if n := b.Add(numbered(2, 10), PEX); n != 0 {
		t.Errorf("%d of PEX displaced others of PEX", n)
	}
	for net, from := range map[byte]Origin{3: LSD, 4: Tracker, 5: Before, 6: User} {
		if n := b.Add(numbered(net, 20), from); n != 20 {
			t.Errorf("%d of origin %d had room, want 20", n, from)
		}
	}
	b.Add(numbered(4, 3000), Tracker)
	counts := map[Origin]int{}
	for _, e := range b.table.known {
		counts[e.from]++
	}
	if counts[PEX] != 0 || counts[LSD] != 0 || counts[Before] != 20 || counts[User] != 20 || b.Len() != b.table.max {
		t.Errorf("got %v", counts)
	}
	if b.Add(numbered(7, 10), PEX)+b.Add(numbered(8, 10), LSD) != 0 {
		t.Error("PEX or LSD displaced what trackers told")
	}
	// One that is connected or being dialled stays.
	b = of()
	b.Add(numbered(1, b.table.max), PEX)
	for i, a := range numbered(1, b.table.max) {
		if i%2 == 0 {
			b.Joined(a)
		} else {
			b.Take(a, time.Unix(1, 0))
		}
	}
	if n := b.Add(numbered(4, 10), Tracker); n != 0 {
		t.Errorf("%d displaced peers that are in use", n)
	}
}

// TestFullDrive: hearsay displaces neither what the user told nor who answered,
// what the user tells displaces hearsay, and what was dialled in vain makes room.
func TestFullDrive(t *testing.T) {
	b, now := ofDrive(), time.Unix(1000, 0)
	first := numbered(2, 1)[0]
	b.Add([]netip.AddrPort{first}, PEX)
	b.Arrived(first, Owner{1}, now)
	b.Add(numbered(1, b.table.max+200), PEX)
	if b.Len() != b.table.max {
		t.Errorf("%d addresses", b.Len())
	}
	users := numbered(3, b.table.max+200)
	b.Add(users, Before)
	if b.Len() != b.table.max || b.table.known[first] == nil || b.table.known[users[0]] == nil {
		t.Errorf("%d addresses; answered %v, told %v", b.Len(), b.table.known[first] != nil, b.table.known[users[0]] != nil)
	}
	if b.Add(numbered(1, 1), PEX) != 0 {
		t.Error("hearsay displaces")
	}
	b.Ended(users[0], Unreached, now)
	if b.Add(numbered(4, 1), Before) != 1 || b.table.known[users[0]] != nil {
		t.Error("an address that failed makes no room")
	}
}

func TestBetterOriginCounts(t *testing.T) {
	b := of()
	a := numbered(1, 1)
	for _, step := range []struct{ told, want Origin }{
		{LSD, LSD}, {PEX, LSD}, {Tracker, Tracker}, {LSD, Tracker}, {User, User}, {Tracker, User},
	} {
		b.Add(a, step.told)
		if got := b.table.known[a[0]].from; got != step.want {
			t.Errorf("told by %d: got origin %d, want %d", step.told, got, step.want)
		}
	}
}

func TestDialOrder(t *testing.T) {
	now := time.Now()
	b := of()
	own := at("98.76.54.32:6881")
	b.Add([]netip.AddrPort{at("20.1.0.1:1"), at("21.2.0.1:1"), at("22.3.0.1:1")}, Tracker)
	b.Ours.Seen(own)
	b.Add([]netip.AddrPort{at("30.0.0.1:1"), at("31.0.0.1:1")}, PEX)
	b.Add([]netip.AddrPort{at("40.0.0.1:1")}, LSD)
	b.Add([]netip.AddrPort{at("50.0.0.1:1")}, Before)
	b.Add([]netip.AddrPort{at("60.0.0.1:1")}, User)
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
	if got := due(b, now, 100); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := due(b, now, 3); !slices.Equal(got, want[:3]) {
		t.Errorf("of the first three got %v", got)
	}
	// What failed goes behind what was not tried, but for the user's.
	for _, a := range append(slices.Clone(want[1:3]), want[0]) {
		b.Ended(a, Unreached, now)
	}
	want = slices.Concat(want[:1], want[3:], want[1:3])
	if got := due(b, now.Add(time.Minute), 100); !slices.Equal(got, want) {
		t.Errorf("after failures got %v, want %v", got, want)
	}
}

func TestHearsayIsForgotten(t *testing.T) {
	for from, want := range map[Origin]bool{PEX: false, LSD: false, Tracker: true, Before: true, User: true} {
		b := of()
		a := numbered(1, 1)
		b.Add(a, from)
		now := time.Now()
		for range b.failures[PEX] {
			if got := due(b, now, 1); len(got) != 1 || !b.Take(got[0], now) {
				t.Fatalf("origin %d: forgotten too soon", from)
			}
			b.Ended(a[0], Unreached, now)
			now = now.Add(lastBackoff)
		}
		if got := b.Len() == 1; got != want || b.Dialling() != 0 {
			t.Errorf("origin %d: kept %t, want %t; %d dials under way", from, got, want, b.Dialling())
		}
	}
}

// TestBacksOff: the wait doubles, to half a minute; it begins anew after a
// connection of use, and is long after a broken protocol. Who proved who he is is
// remembered for longer than who never answered.
func TestBacksOff(t *testing.T) {
	b, now := ofDrive(), time.Unix(1000, 0)
	silent, owned := at("10.0.0.1:1"), at("10.0.0.2:1")
	b.Add([]netip.AddrPort{silent, owned}, Before)
	b.Arrived(owned, Owner{2}, now)
	want := firstBackoff
	for i := 1; i < b.failures[Before]; i++ {
		for _, a := range []netip.AddrPort{silent, owned} {
			b.Ended(a, Unreached, now)
			if got := b.table.known[a].next.Sub(now); got != want {
				t.Errorf("failure %d: waits %v, want %v", i, got, want)
			}
		}
		want = min(2*want, lastBackoff)
	}
	b.Ended(silent, Unreached, now)
	b.Ended(owned, Unreached, now)
	if b.table.known[silent] != nil || b.table.known[owned] == nil {
		t.Error("forgotten is not who never answered")
	}
	b.Ended(owned, Useful, now)
	if got := b.table.known[owned].next.Sub(now); got != firstBackoff {
		t.Errorf("after a good connection: waits %v", got)
	}
	b.Ended(owned, Broken, now)
	if got := b.table.known[owned].next.Sub(now); got != shunTime {
		t.Errorf("after a broken protocol: waits %v", got)
	}
	for range ownerFailures {
		b.Ended(owned, Unreached, now)
	}
	if b.Len() != 0 {
		t.Error("one who was there once is never forgotten")
	}
	unknown := at("10.0.0.9:1") // nothing, not even a panic
	b.Ended(unknown, Unreached, now)
	b.Ended(unknown, Useful, now)
	b.Ended(unknown, Anew, now)
	b.Ended(unknown, Unwelcome, now)
	b.Arrived(unknown, Owner{}, now)
	if b.Take(unknown, now) || b.Dialling() != 0 {
		t.Error("an unknown address is dialled")
	}
}

// TestOwners: whose owner is connected is not dialled, and an address that a
// connected one claims only to see who is there.
func TestOwners(t *testing.T) {
	b, now := ofDrive(), time.Unix(1000, 0)
	addrs := []netip.AddrPort{at("10.0.0.1:7000"), at("10.0.0.2:7000"), at("10.0.0.3:7000"), at("10.0.0.4:7000")}
	b.Add(addrs, Before)
	if !b.Arrived(addrs[0], Owner{1}, now) || b.Arrived(addrs[0], Owner{1}, now) || !b.Arrived(addrs[0], Owner{5}, now) {
		t.Error("news are not told from what is known")
	}
	b.Self(addrs[1])
	b.Take(addrs[2], now)
	b.Listens(addrs[3], Owner{7})
	later, connected := now.Add(time.Minute), func(o Owner) bool { return o == Owner{5} }
	if got := b.Due(later, 10, Wish{Connected: connected}); !slices.Equal(got, []Due{{addrs[3], true}}) {
		t.Errorf("got %v", got)
	}
	b.Arrived(addrs[3], Owner{7}, later)
	b.Listens(addrs[3], Owner{7})
	if got := b.Due(later.Add(time.Minute), 10, Wish{Connected: connected}); !slices.Equal(got, []Due{{addrs[3], false}}) {
		t.Errorf("after a probe got %v", got)
	}
	b.Listens(addrs[0], Owner{8}) // another listens there now
	b.Ended(addrs[3], Useful, later)
	if got := b.Due(later.Add(time.Minute), 10, Wish{}); !slices.Contains(got, Due{addrs[0], true}) {
		t.Errorf("another's claim: got %v", got)
	}
	if got := b.Reached(9); len(got) != 2 || got[0] != (Peer{addrs[3], Owner{7}}) || got[1] != (Peer{addrs[0], Owner{5}}) {
		t.Errorf("reached %v", got)
	}
	b.Listens(at("10.0.0.5:22"), Owner{9}) // nobody may say so
	if b.Len() != 3 {
		t.Errorf("%d known", b.Len())
	}
}

// TestIncomingIsNotDialled has a peer that connected to us tell where it
// listens: it is dialled when it has left, not before.
func TestIncomingIsNotDialled(t *testing.T) {
	b := of()
	a := at("1.2.3.4:5000")
	now := time.Now()
	b.Listens(a, Owner{})
	b.Add([]netip.AddrPort{a}, Tracker)
	if got := due(b, now, 1); got != nil {
		t.Errorf("dials %v, which is connected", got)
	}
	b.Ended(a, Useful, now)
	if got := due(b, now.Add(firstBackoff), 1); len(got) != 1 {
		t.Error("does not dial one that has left")
	}
}

// TestOffers: when there is only something to give, those are left out that have
// everything or took nothing so many times, until they are named again.
func TestOffers(t *testing.T) {
	b, now := of(), time.Unix(1000, 0)
	seed, shy := at("10.0.0.1:7000"), at("10.0.0.2:7000")
	b.Add([]netip.AddrPort{seed, shy}, Tracker)
	b.Sated(seed, true)
	for range maxOffers {
		b.Ended(shy, Unreached, now)
	}
	later := now.Add(time.Hour)
	if got := b.Due(later, 9, Wish{Offering: true}); len(got) != 0 {
		t.Errorf("offers to %v", got)
	}
	if got := b.Due(later, 9, Wish{}); len(got) != 2 {
		t.Errorf("asks %v", got)
	}
	b.Add([]netip.AddrPort{seed, shy}, Tracker)
	if got := b.Due(later, 9, Wish{Offering: true}); len(got) != 2 {
		t.Errorf("named again: offers to %v", got)
	}
}

func TestReached(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	b := of()
	b.Add([]netip.AddrPort{at("1.0.0.1:1"), at("1.0.0.2:1"), at("1.0.0.3:1"), at("1.0.0.4:1"), at("1.0.0.5:1")}, Tracker)
	for i, a := range []string{"1.0.0.1:1", "1.0.0.2:1", "1.0.0.3:1", "1.0.0.4:1"} {
		b.Arrived(at(a), Owner{}, now.Add(time.Duration(i)*time.Second))
		b.Joined(at(a))
	}
	b.Ended(at("1.0.0.1:1"), Useful, now)
	b.Ended(at("1.0.0.2:1"), Useful, now)
	b.Bans.Ban(at("1.0.0.3:1"), netip.AddrPort{}, now)
	want := []Peer{{Addr: at("1.0.0.4:1")}, {Addr: at("1.0.0.2:1")}, {Addr: at("1.0.0.1:1")}}
	if got := b.Reached(10); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := b.Reached(2); !slices.Equal(got, want[:2]) {
		t.Errorf("of the first two got %v", got)
	}
	b.Ended(at("1.0.0.1:1"), Unreached, now)
	if got := b.Reached(10); !slices.Equal(got, want[:2]) {
		t.Errorf("after one could not be reached again: %v, want %v", got, want[:2])
	}
	b = ofDrive()
	b.Add([]netip.AddrPort{at("1.0.0.1:1")}, Before)
	b.Arrived(at("1.0.0.1:1"), Owner{1}, now)
	for range 3 {
		b.Ended(at("1.0.0.1:1"), Unreached, now)
	}
	if got := b.Reached(1); !slices.Equal(got, []Peer{{at("1.0.0.1:1"), Owner{1}}}) {
		t.Errorf("an owner who is away for a moment: %v", got)
	}
}

func TestBans(t *testing.T) {
	var b Bans
	now := time.Unix(1000, 0)
	b.Ban(at("10.0.0.1:1"), at("10.0.0.1:6881"), now)
	for a, want := range map[string]bool{"10.0.0.1:1": true, "10.0.0.1:6881": true, "10.0.0.1:2": false, "10.0.0.2:1": false} {
		if b.Banned(at(a), now) != want {
			t.Errorf("%s: banned %t", a, !want)
		}
	}
	if later := now.Add(BanTime); b.Banned(at("10.0.0.1:1"), later) || !b.Ever(at("10.0.0.1:1")) {
		t.Error("banned for ever, or not remembered")
	}
	for _, port := range []string{"10.0.0.1:2", "10.0.0.1:3"} {
		b.Ban(at(port), netip.AddrPort{}, now)
	}
	if !b.Banned(at("10.0.0.1:9"), now.Add(time.Hour)) {
		t.Error("three bad ports do not ban the address")
	}
}

func TestPrivateForgets(t *testing.T) {
	b := of()
	told, named := at("10.0.0.1:7000"), at("10.0.0.2:7000")
	b.Add([]netip.AddrPort{told}, PEX)
	b.Add([]netip.AddrPort{named}, Tracker)
	if !b.Withdrawn(told) || b.Withdrawn(named) {
		t.Error("another is withdrawn")
	}
	b.Private()
	if b.Len() != 1 || b.Add([]netip.AddrPort{told}, LSD) != 0 {
		t.Errorf("%d known", b.Len())
	}
}

func TestOursAsOthersSeeIt(t *testing.T) {
	b := of()
	for i, own := range []string{"0.0.0.0:1", "[::]:1", "98.76.54.32:6881", "[::ffff:98.76.54.33]:6881", "[2001:db8::1]:6881"} {
		b.Ours.Seen(at(own))
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{4, 4, byte(i), 4}), 1)
		b.Add([]netip.AddrPort{a, at("[2001:db8::2]:1")}, PEX)
	}
	if want := (Ours{at("98.76.54.33:6881"), at("[2001:db8::1]:6881")}); b.Ours != want {
		t.Errorf("got %v", b.Ours)
	}
	b.Due(time.Now(), 9, Wish{})
	for a, e := range b.table.known {
		if want := priority.Of(b.Ours[family(a.Addr())], a); e.rank != want || want == 0 {
			t.Errorf("%v: got %08x, want %08x", a, e.rank, want)
		}
	}
}

// TestBoundsHearsay: on the word of others four ports of a public address are
// known, a hundred addresses of a teller, and 128 of Member, of which the surest
// stay.
func TestBoundsHearsay(t *testing.T) {
	now := time.Now()
	teller := netip.MustParseAddr("203.0.113.9")
	b := of()
	b.spare.dials = &netgroup.Dials{}
	if n := b.Hear(teller, ports("198.51.100.7", 399), PEX); n != netgroup.MaxPorts {
		t.Errorf("%d ports of one address are known", n)
	}
	if b.Add(ports("198.51.100.7", 9)[5:], Tracker); b.Len() != netgroup.MaxPorts || b.table.known[at("198.51.100.7:2008")] == nil {
		t.Errorf("%d known after a tracker told of some", b.Len())
	}
	if n := b.Hear(teller, numbered(3, 500), PEX); n != netgroup.MaxTold {
		t.Errorf("%d more addresses on one teller's word", n)
	}
	if n := b.Add(ports("198.51.100.7", 10), User); n != 10-netgroup.MaxPorts {
		t.Errorf("%d of the user's are news", n)
	}

	b = of()
	b.spare.dials = &netgroup.Dials{}
	b.Add(numbered(4, 500), Member)
	sure := ports("198.51.100.7", 1)
	if b.Add(sure, Member) != 1 || b.table.members != maxMembers {
		t.Errorf("the surest found no room; %d known by Member", b.table.members)
	}
	if due := due(b, now, 2); len(due) != 2 || due[0] != sure[0] && due[1] != sure[0] {
		t.Errorf("the surest is not dialled first: %v", due)
	}
	b.Add(ports("198.51.100.8", 3), Tracker)
	dials := 0
	for tick := range 300 { // half a minute
		when := now.Add(time.Duration(tick) * 100 * time.Millisecond)
		for _, a := range due(b, when, 1000) {
			if a.Addr() == netip.MustParseAddr("198.51.100.8") && b.Take(a, when) {
				dials++
				b.over(b.table.known[a])
			}
		}
	}
	if dials != 6 && dials != 5 {
		t.Errorf("a tracker's address was dialled %d times in half a minute", dials)
	}
}

func TestHearsWhatATellerMayTell(t *testing.T) {
	tellers := [3]netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("203.0.113.2")}
	for a, want := range map[string][3]bool{
		"127.0.0.1:8080": {true, false, false}, "[::1]:8080": {true, false, false}, "169.254.1.1:8080": {true, true, false},
		"10.9.9.9:8080": {true, true, false}, "10.9.9.9:80": {}, "10.9.9.9:0": {}, "198.51.100.1:8080": {true, true, true},
	} {
		for i, teller := range tellers {
			b := of()
			if n := b.Hear(teller, []netip.AddrPort{at(a)}, PEX); (n == 1) != want[i] {
				t.Errorf("%v of %s: %d known, want %t", teller, a, n, want[i])
			}
		}
	}
}
