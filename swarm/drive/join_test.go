package drive

import (
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
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
