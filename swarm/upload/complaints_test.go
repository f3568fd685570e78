package upload

import (
	"net/netip"
	"testing"
	"time"
)

func TestComplaints(t *testing.T) {
	var c complaints
	a, b := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	now := time.Unix(1e9, 0)
	ask := func(who netip.Addr, piece int) bool { return c.ask(who, piece, 10, 20, now) }
	for i, want := range []bool{false, false, true, false, false, false, false} {
		if got := ask(a, 1); got != want {
			t.Errorf("request %d: %v, want %v", i, got, want)
		}
	}
	ask(b, 2)
	ask(a, 2)
	if ask(b, 2) {
		t.Error("two askers count as one")
	}
	if ask(b, 2) {
		t.Error("two looks within a second")
	}
	now = now.Add(lookEvery)
	if !ask(b, 2) || ask(a, 1) {
		t.Error("later: another piece is looked at, the same one is not")
	}
	now = now.Add(lookAtOne)
	if !ask(a, 1) {
		t.Error("much later: not looked at again")
	}
	for i := range 3 * maxAsked {
		ask(a, i)
	}
	if len(c.asked) > maxAsked || len(c.looked) > maxLookedFor {
		t.Errorf("%d askers, %d pieces", len(c.asked), len(c.looked))
	}
}
