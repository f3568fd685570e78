package swarm

import (
	"net/netip"
	"testing"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// TestSeederStillOpening connects to a seeder before that has its files open: it
// would refuse the piece layer then, and must be asked when it can give it.
func TestSeederStillOpening(t *testing.T) {
	payload := randomBytes(200_000)
	_, m := torrents(t, payload, 64<<10)
	a, b := client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String())
	open := make(chan struct{})
	add(t, a, Spec{MetaInfo: m, Announce: Never, Storage: func(*metainfo.MetaInfo) (Storage, error) {
		<-open
		return full(m.Info, payload).open(m)
	}})
	spec := Spec{MetaInfo: &metainfo.MetaInfo{Info: m.Info}, Announce: Never, Storage: (&memory{}).open, Peers: []netip.AddrPort{a.Addr()}}
	tor := add(t, b, spec)
	asked := make(chan error, 1)
	go func() {
		_, err := tor.NewReader(0).ReadAt(soon(t), make([]byte, 1), 199_999)
		asked <- err
	}()
	eventually(t, "connected", func() bool { return tor.Stats().Peers == 1 && tor.Stats().Waiting == 1 })
	close(open)
	if err := <-asked; err != nil {
		t.Fatal(err)
	}
	check(t, tor, payload)
}
