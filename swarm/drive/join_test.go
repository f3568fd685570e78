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
