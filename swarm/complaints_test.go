package swarm

import (
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/wire"
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

// doubted is a storage that is told of complaints.
type doubted struct {
	Storage
	pieces chan int
}

func (d doubted) Doubt(piece int) error {
	d.pieces <- piece
	return nil
}

// TestRequestsAgainAreAComplaint asks for a piece, and for all of it again.
func TestRequestsAgainAreAComplaint(t *testing.T) {
	payload := randomBytes(500_000)
	m, _ := torrents(t, payload, 64<<10)
	store := full(m.Info, payload)
	pieces := make(chan int, 10)
	c := client(t, swarmtest.Host().String())
	add(t, c, Spec{MetaInfo: m, Announce: Never, Storage: func(m *metainfo.MetaInfo) (Storage, error) {
		s, err := store.open(m)
		return doubted{s, pieces}, err
	}})
	a, _ := askAt(t, c, m.Info.HashV1, true)
	for _, piece := range []int{1, 2, 3, 3} {
		for begin := 0; begin < 64<<10; begin += hashing.BlockSize {
			a.send(wire.AppendRequest(nil, wire.Block{Index: piece, Begin: begin, Length: hashing.BlockSize}))
			a.Expect(t, wire.MsgPiece)
		}
	}
	if got := <-pieces; got != 3 || len(pieces) > 0 {
		t.Errorf("looked at piece %d, and %d more; want 3", got, len(pieces))
	}
}
