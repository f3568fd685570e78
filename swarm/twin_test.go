package swarm

import (
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/swarmtest"
)

// TestDialledAtOnce has two leechers dial one another, again and again.
func TestDialledAtOnce(t *testing.T) {
	v1, _ := torrents(t, randomBytes(100_000), 64<<10)
	for range 10 {
		a, b := client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String())
		spec := Spec{MetaInfo: v1, Everything: true, Announce: Never, Storage: (&memory{}).open, Peers: []netip.AddrPort{b.Addr()}}
		atA := add(t, a, spec)
		spec.Peers, spec.Storage = []netip.AddrPort{a.Addr()}, (&memory{}).open
		atB := add(t, b, spec)
		since := time.Now()
		eventually(t, "one connection that lasts", func() bool {
			if atA.Stats().Peers != 1 || atB.Stats().Peers != 1 {
				since = time.Now()
			}
			return time.Since(since) > 500*time.Millisecond
		})
		a.Close()
		b.Close()
	}
}
