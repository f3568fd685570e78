package drive

import (
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/netgroup"
)

func at(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)}), 6881)
}

func nobody(catalog.Key) bool { return false }

func TestBookTakesWhatCanBeDialled(t *testing.T) {
	b := newBook()
	for _, s := range []string{"10.0.0.1:0", "0.0.0.0:1", "224.0.0.1:1"} {
		b.add(netip.MustParseAddrPort(s), false)
	}
	b.add(netip.AddrPort{}, false)
	b.add(netip.MustParseAddrPort("[::ffff:10.0.0.1]:7"), false)
	b.add(netip.MustParseAddrPort("10.0.0.1:7"), false)
	if due := b.due(time.Now(), 10, nobody); len(due) != 1 || due[0].addr.String() != "10.0.0.1:7" {
		t.Errorf("got %d addresses", len(due))
	}
}

func TestBookBacksOffAndForgets(t *testing.T) {
	b := newBook()
	now := time.Unix(1000, 0)
	b.add(at(1), false)
	b.add(at(2), false)
	b.answered(at(2), catalog.Key{2}, now)
	want := firstRedial
	for i := 1; i < forgetUnknown; i++ {
		for _, a := range []netip.AddrPort{at(1), at(2)} {
			b.failed(a, false, now)
			if got := b.contacts[a].next.Sub(now); got != want {
				t.Errorf("failure %d: waits %v, want %v", i, got, want)
			}
		}
		want = min(2*want, lastRedial)
	}
	b.failed(at(1), false, now)
	b.failed(at(2), false, now)
	if b.contacts[at(1)] != nil || b.contacts[at(2)] == nil {
		t.Error("forgotten is not who never answered")
	}
	b.lasted(at(2), now)
	b.failed(at(2), false, now)
	if got := b.contacts[at(2)].next.Sub(now); got != firstRedial {
		t.Errorf("after a good connection: waits %v", got)
	}
	b.failed(at(2), true, now)
	if got := b.contacts[at(2)].next.Sub(now); got != shunTime {
		t.Errorf("after a broken protocol: waits %v", got)
	}
	b.failed(at(9), false, now) // unknown: nothing
	b.lasted(at(9), now)
	b.isSelf(at(9))
}

func TestBookLeavesOutWhoIsConnected(t *testing.T) {
	b := newBook()
	now := time.Unix(1000, 0)
	for i := range 4 {
		b.add(at(i), false)
	}
	b.answered(at(0), catalog.Key{1}, now)
	b.isSelf(at(1))
	b.contacts[at(2)].dialling = true
	later := now.Add(time.Minute)
	due := b.due(later, 10, func(k catalog.Key) bool { return k == catalog.Key{1} })
	if len(due) != 1 || due[0].addr != at(3) {
		t.Errorf("got %d", len(due))
	}
	if due = b.due(later, 1, nobody); len(due) != 1 {
		t.Errorf("got %d, want 1", len(due))
	}
	if !b.answered(at(0), catalog.Key{5}, now) || b.answered(at(0), catalog.Key{5}, now) {
		t.Error("news are not told from what is known")
	}
	if list := b.verified(9); len(list) != 1 || list[0] != (address{catalog.Key{5}, at(0)}) {
		t.Errorf("got %v", list)
	}
}

// Hearsay never displaces what the caller told or who answered; what the caller
// tells displaces hearsay.
func TestBookIsBounded(t *testing.T) {
	b := newBook()
	now := time.Unix(1000, 0)
	b.add(at(0), false)
	b.answered(at(0), catalog.Key{1}, now)
	for i := 1; i < maxContacts+200; i++ {
		b.add(at(i), true)
	}
	if n := len(b.contacts); n != maxContacts {
		t.Errorf("%d addresses", n)
	}
	for i := range maxContacts + 200 {
		b.add(at(10_000+i), false)
	}
	if n := len(b.contacts); n != maxContacts || b.contacts[at(0)] == nil || b.contacts[at(10_000)] == nil {
		t.Errorf("%d addresses; answered %v, told %v", n, b.contacts[at(0)] != nil, b.contacts[at(10_000)] != nil)
	}
	b.add(at(1), true)
	if b.contacts[at(1)] != nil {
		t.Error("hearsay displaces")
	}
	b.failed(at(10_000), false, now)
	b.add(at(30_000), false)
	if b.contacts[at(10_000)] != nil || b.contacts[at(30_000)] == nil {
		t.Error("an address that failed makes no room")
	}
}

func TestWhichOfTwoConnectionsStays(t *testing.T) {
	small, large := ident(1), ident(2)
	if small.Key().String() > large.Key().String() {
		small, large = large, small
	}
	now := time.Unix(1000, 0)
	const ours, theirs = true, false
	for _, c := range []struct {
		name   string
		self   *catalog.Identity
		other  *catalog.Identity
		c, old bool // dialled by us
		age    time.Duration
		want   bool
	}{
		{"we are smaller and dial", small, large, ours, theirs, 0, true},
		{"we are smaller and are dialled", small, large, theirs, ours, 0, false},
		{"we are larger and dial", large, small, ours, theirs, 0, false},
		{"we are larger and are dialled", large, small, theirs, ours, 0, true},
		{"dialled again", small, large, ours, ours, 0, true},
		{"long after", small, large, theirs, ours, time.Minute, true},
	} {
		l := &loop{d: &Drive{cfg: Config{Identity: c.self}}}
		x, old := &conn{key: c.other.Key()}, &conn{key: c.other.Key()}
		old.since = now.Add(-c.age)
		if c.c {
			x.dialled = at(1)
		}
		if c.old {
			old.dialled = at(1)
		}
		if got := l.replaces(x, old, now); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestPacer(t *testing.T) {
	p := newPacer()
	now := time.Unix(1000, 0)
	k := ident(1).Key()
	n := 0
	for p.allow(k, now) {
		n++
	}
	if n != headBurst {
		t.Errorf("%d at once", n)
	}
	hold := func(k catalog.Key, seq int64, from int, own bool) {
		p.hold(paced{catalog.Head{Key: k, Seq: seq}, catalog.Told{From: netgroup.Of(at(from).Addr())}, from}, own)
	}
	for seq := range 5 {
		hold(k, int64(seq), seq, false)
	}
	hold(k, 2, 9, false)
	if p.allow(k, now.Add(time.Second)) {
		t.Error("a head overtakes one that waits")
	}
	list := p.due(now.Add(time.Second))
	if len(list) != 1 || list[0].head.Seq != 4 || list[0].from != 4 {
		t.Errorf("got %+v", list)
	}
	if p.due(now.Add(time.Hour)); len(p.limits) != 0 || len(p.groups) != 0 {
		t.Error("quiet authors are kept")
	}
	for i := range maxPaced + 10 {
		hold(catalog.Key{byte(i), byte(i >> 8), 1}, 1, 1, false)
	}
	if len(p.held) != maxPacedG {
		t.Errorf("%d heads of one address group wait", len(p.held))
	}
	hold(k, 1, 2, false)
	hold(ident(2).Key(), 1, 1, true)
	if len(p.held) != maxPacedG+2 {
		t.Error("no room for an author's own, or for what came from elsewhere")
	}
	for i := range maxPaced + 10 {
		hold(catalog.Key{byte(i), byte(i >> 8), 2}, 1, i/100, false)
	}
	if len(p.held) > maxPaced {
		t.Errorf("%d heads wait", len(p.held))
	}
}

func TestBookHearsOfWhatATellerMayTell(t *testing.T) {
	tellers := [3]netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("203.0.113.2")}
	for a, want := range map[string][3]bool{
		"127.0.0.1:8080": {true, false, false}, "[::1]:8080": {true, false, false}, "169.254.1.1:8080": {true, true, false},
		"10.9.9.9:8080": {true, true, false}, "10.9.9.9:80": {}, "10.9.9.9:0": {}, "198.51.100.1:8080": {true, true, true},
	} {
		for i, teller := range tellers {
			b := newBook()
			if b.hear(teller, netip.MustParseAddrPort(a)); (len(b.contacts) == 1) != want[i] {
				t.Errorf("%v of %s: %d known, want %t", teller, a, len(b.contacts), want[i])
			}
		}
	}
}
