package swarm

import (
	"testing"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/wire"
)

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
