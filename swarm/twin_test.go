package swarm

import (
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/wire"
)

// TestBothSidesKeepOneConnection has two peers dial one another at once, each
// seeing the two connections in either order: both must keep the same one.
func TestBothSidesKeepOneConnection(t *testing.T) {
	now := time.Now()
	small, large := [20]byte{1}, [20]byte{2}
	// stays says which connection is left at a peer: whose dial.
	stays := func(self, other [20]byte, ownFirst bool) (dialler [20]byte) {
		l := &loop{t: &Torrent{client: &Client{peerID: self}}, now: now}
		first := &remote{dialed: ownFirst, hs: wire.Handshake{PeerID: other}, since: now}
		second := joinEvent{dialed: !ownFirst, hs: wire.Handshake{PeerID: other}}
		if l.outdoes(second, first) == ownFirst { // the other's dial is left
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
	l := &loop{t: &Torrent{client: &Client{peerID: small}}, now: now}
	old := &remote{hs: wire.Handshake{PeerID: large}, since: now.Add(-twinTime - 1)}
	if l.outdoes(joinEvent{dialed: true, hs: old.hs}, old) {
		t.Error("a connection of long standing made room for its twin")
	}
	if old.since = now; l.outdoes(joinEvent{hs: old.hs}, old) {
		t.Error("one made room for another that came the same way")
	}
}

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
