package gather

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/places"
)

func TestWhichOfTwoConnectionsStays(t *testing.T) {
	small, large := book.Owner{1}, book.Owner{2}
	now := time.Unix(1000, 0)
	const ours, theirs = true, false
	for _, c := range []struct {
		name        string
		self, other book.Owner
		c, old      bool // dialled by us
		age         time.Duration
		want        bool
	}{
		{"we are smaller and dial", small, large, ours, theirs, 0, true},
		{"we are smaller and are dialled", small, large, theirs, ours, 0, false},
		{"we are larger and dial", large, small, ours, theirs, 0, false},
		{"we are larger and are dialled", large, small, theirs, ours, 0, true},
		{"dialled again", small, large, ours, ours, 0, true},
		{"long after", small, large, theirs, ours, time.Minute, true},
	} {
		cs := &conns{self: c.self, rule: places.Rule{Max: 8}, byID: map[int]*Conn{}, door: places.NewDoor()}
		conn := func(dialled bool) *Conn {
			x := &Conn{Remote: netip.MustParseAddrPort("10.0.0.1:5000")}
			x.who.Owner = c.other
			if dialled {
				x.Dialled = x.Remote
			}
			return x
		}
		old, fresh := conn(c.old), conn(c.c)
		if _, _, err := cs.admit(old, now.Add(-c.age)); err != nil {
			t.Fatal(err)
		}
		out, why, err := cs.admit(fresh, now)
		if stays := err == nil; stays != c.want || stays != (out == old && errors.Is(why, ErrDuplicate)) {
			t.Errorf("%s: %v made room, %v, %v", c.name, out == old, why, err)
		}
		if len(cs.byID) != 1 || cs.of(c.other) == nil {
			t.Errorf("%s: %d connections", c.name, len(cs.byID))
		}
		cs.remove(old)
		if (cs.of(c.other) != nil) != c.want {
			t.Errorf("%s: one that made room takes another's place along", c.name)
		}
	}
}

// TestPlacesAreGivenBack: where all places are taken nobody gets one, until somebody
// leaves.
func TestPlacesAreGivenBack(t *testing.T) {
	cs := &conns{rule: places.Rule{Max: 4}, byID: map[int]*Conn{}, door: places.NewDoor()}
	now := time.Unix(1000, 0)
	conn := func(i int) *Conn {
		c := &Conn{Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 5000)}
		c.who.Owner, c.listen = book.Owner{byte(i)}, c.Remote
		return c
	}
	var in []*Conn
	for i := 1; i < 9; i++ {
		c := conn(i)
		if _, _, err := cs.admit(c, now); err == nil {
			in = append(in, c)
		} else if !errors.Is(err, places.ErrFull) {
			t.Error(err)
		}
	}
	if len(in) != 3 || !cs.listening(in[0].Remote) { // one is for whom we dial
		t.Fatalf("%d got places", len(in))
	}
	cs.remove(in[0])
	if cs.listening(in[0].Remote) {
		t.Error("one who left is listening")
	}
	if _, _, err := cs.admit(conn(20), now); err != nil {
		t.Errorf("after one has left: %v", err)
	}
}
