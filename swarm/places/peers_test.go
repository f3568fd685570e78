package places

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// four are connections with four peers, ranked by their number, that are connected
// since, and gave and asked for blocks, so long ago.
func four(now time.Time, since, gave, asked time.Duration) (list []Peer) {
	for i := range 4 {
		list = append(list, Peer{
			ID: i, PeerID: [20]byte{byte(i)}, Addr: netip.MustParseAddrPort(fmt.Sprintf("20.%d.0.1:1", i)), Rank: uint32(10 * (i + 1)),
			Since: now.Add(-since), Gave: now.Add(-gave), Asked: now.Add(-asked),
		})
	}
	return list
}

// TestWhoMakesRoom: whoever is of no use goes first; of those that take from us
// the one that is ranked lowest, if the newcomer ranks higher.
func TestWhoMakesRoom(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	const long = 2 * useless
	for _, c := range []struct {
		name               string
		since, gave, asked time.Duration
		rank               uint32
		idle               int // connection that neither gave nor asked; -1: none
		max                int
		over               bool
		want               int
		ok                 bool
	}{
		{"there is room", long, long, 0, 1, -1, 5, false, -1, true},
		{"all take, a high newcomer", long, long, 0, 40, -1, 4, false, 0, true},
		{"all take, a low newcomer", long, long, 0, 5, -1, 4, false, -1, false},
		{"all give", long, 0, long, 40, -1, 4, false, -1, false},
		{"all are new", 0, long, long, 40, -1, 4, false, -1, false},
		{"one is of no use", long, long, 0, 5, 2, 4, false, 2, true},
		{"too many in all", long, long, 0, 40, -1, 5, true, 0, true},
	} {
		list := four(now, c.since, c.gave, c.asked)
		if c.idle >= 0 {
			list[c.idle].Asked = now.Add(-long)
		}
		newcomer := Peer{PeerID: [20]byte{9}, Addr: netip.MustParseAddrPort("30.0.0.1:1"), Rank: c.rank, Since: now}
		if out, ok := (Peers{Max: c.max, SameAddr: 2}).Admit(list, newcomer, c.over, now); out != c.want || ok != c.ok {
			t.Errorf("%s: %d makes room, %t; want %d, %t", c.name, out, ok, c.want, c.ok)
		}
		list[1].Addr, list[2].Addr = newcomer.Addr, newcomer.Addr
		if _, ok := (Peers{Max: 100, SameAddr: 2}).Admit(list, newcomer, false, now); ok {
			t.Errorf("%s: a third of one address stays", c.name)
		}
	}
}

// TestBothSidesKeepOneConnection has two peers dial one another at once, each
// seeing the two connections in either order: both must keep the same one.
func TestBothSidesKeepOneConnection(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	small, large := [20]byte{1}, [20]byte{2}
	// stays says which connection is left at a peer: whose dial.
	stays := func(self, other [20]byte, ownFirst bool) (dialler [20]byte) {
		first := Peer{ID: 7, Dialled: ownFirst, PeerID: other, Since: now}
		second := Peer{Dialled: !ownFirst, PeerID: other, Since: now}
		out, ok := Peers{Max: 100, SameAddr: 8, Self: self}.Admit([]Peer{first}, second, false, now)
		if out != 7 {
			t.Errorf("%d makes room", out)
		}
		if ok == ownFirst { // the other's dial is left
			return other
		}
		return self
	}
	for _, smallSees := range []bool{true, false} {
		for _, largeSees := range []bool{true, false} {
			a, b := stays(small, large, smallSees), stays(large, small, largeSees)
			if a != small || b != small {
				t.Errorf("own dial first at the smaller %t, at the larger %t: left is that of %d and of %d, want 1", smallSees, largeSees, a[0], b[0])
			}
		}
	}
	rule := Peers{Max: 100, SameAddr: 8, Self: small}
	old := Peer{PeerID: large, Since: now.Add(-twinTime - 1)}
	if _, ok := rule.Admit([]Peer{old}, Peer{PeerID: large, Dialled: true}, false, now); ok {
		t.Error("a connection of long standing made room for its twin")
	}
	old.Since = now
	if _, ok := rule.Admit([]Peer{old}, Peer{PeerID: large}, false, now); ok {
		t.Error("one made room for another that came the same way")
	}
}
