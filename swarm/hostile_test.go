package swarm

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// TestHostile puts two peers of each bad kind beside an honest seeder. The
// torrent must come whole and true, and soon.
func TestHostile(t *testing.T) {
	for _, kind := range []swarmtest.Kind{swarmtest.V1, swarmtest.V2} {
		tor := swarmtest.MakeFile(t, kind, "payload.bin", 4<<20, 64<<10)
		for _, bad := range swarmtest.Hostile() {
			t.Run(string(kind)+"/"+bad.Name, func(t *testing.T) {
				t.Parallel()
				peers := []netip.AddrPort{
					swarmtest.Serve(t, bad.Make(tor)).Addr,
					swarmtest.Serve(t, bad.Make(tor)).Addr,
					swarmtest.Serve(t, swarmtest.Honest(tor)).Addr,
				}
				magnet := tor.Meta.Magnet()
				c := client(t, swarmtest.Host().String())
				store := &memory{}
				began := time.Now()
				got := add(t, c, Spec{Magnet: &magnet, Storage: store.open, Everything: true, Peers: peers})
				if err := got.Wait(soon(t)); err != nil {
					t.Fatalf("%v; %+v", err, got.Stats())
				}
				t.Logf("whole after %v, %d bytes of no use", time.Since(began), got.Stats().Wasted)
				check(t, got, tor.Space)
				if n := guard.Total(); n > 0 {
					t.Errorf("%d panics", n)
				}
			})
		}
	}
}

// TestHostileAlone meets each bad kind without any honest peer: nothing false
// may come of it, and the Client must close in time.
func TestHostileAlone(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.V1, "payload.bin", 1<<20, 64<<10)
	for _, bad := range swarmtest.Hostile() {
		t.Run(bad.Name, func(t *testing.T) {
			t.Parallel()
			c := client(t, swarmtest.Host().String())
			store := &memory{}
			got := add(t, c, Spec{
				MetaInfo: &metainfo.MetaInfo{Info: tor.Info}, Storage: store.open, Everything: true,
				Peers: []netip.AddrPort{swarmtest.Serve(t, bad.Make(tor)).Addr},
			})
			select {
			case <-got.whole:
			case <-time.After(2 * time.Second):
			}
			began := time.Now()
			c.Close()
			if d := time.Since(began); d > 20*time.Second {
				t.Errorf("closing took %v", d)
			}
			for i, p := range store.pieces {
				if !slices.Equal(p, tor.Piece(i)) {
					t.Errorf("piece %d is false", i)
				}
			}
			if n := guard.Total(); n > 0 {
				t.Errorf("%d panics", n)
			}
		})
	}
}
