package swarm

import (
	"errors"
	"net/netip"
	"testing"
)

// TestPieceFoundAndStored hears of a piece from its piece layer and from its
// writer. Counted twice, it made us believe that a seed has nothing more for us.
func TestPieceFoundAndStored(t *testing.T) {
	payload := randomBytes(500_000)
	_, v2 := torrents(t, payload, 64<<10)
	a, b := client(t, "127.0.0.2"), client(t, "127.0.0.3")
	add(t, a, Spec{MetaInfo: v2, Storage: full(v2.Info, payload).open})
	store := full(v2.Info, payload)
	for i := range v2.Info.Pieces.Count() {
		store.drop(i)
	}
	tor := add(t, b, Spec{MetaInfo: v2, Storage: store.open, Peers: []netip.AddrPort{a.Addr()}})
	r := tor.NewReader(0)
	defer r.Close()
	if _, err := r.ReadAt(soon(t), make([]byte, 10), 0); err != nil {
		t.Fatal(err)
	}
	wrong := make(chan error, 1)
	tor.post(onLoop(func(l *loop) {
		for i := range l.picker.Pieces.Count() - 1 {
			l.found(i)
			l.holds(i) // as its writer does
		}
		var err error
		for _, r := range l.crowd.of { // which have one piece that we lack
			if told := r.has.Interested(); !told && !r.has.Interest(true) {
				err = errors.New("a seed has nothing for us while we lack a piece")
			}
		}
		wrong <- err
	}))
	if err := <-wrong; err != nil {
		t.Error(err)
	}
}
