package swarm

import (
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/lsd"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// neighbour starts a Client that announces on loopback. Payloads of these tests
// are random each time: other tests on this machine may announce there, too.
func neighbour(t *testing.T) *Client {
	t.Helper()
	c, err := New(Config{Listen: swarmtest.Host().String() + ":0", LSD: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// lonely makes a torrent that no other test has, and its payload.
func lonely(t *testing.T, size int) (*metainfo.MetaInfo, []byte) {
	t.Helper()
	payload := swarmtest.Bytes(uint64(time.Now().UnixNano()), size)
	m, _ := torrents(t, payload, 64<<10)
	return m, payload
}

// TestNeighboursMeet has a leecher get everything from a seeder that nothing
// but the local network leads to, whoever of the two comes first.
func TestNeighboursMeet(t *testing.T) {
	for name, seederFirst := range map[string]bool{"seeder first": true, "leecher first": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, payload := lonely(t, 300_000)
			a, b := neighbour(t), neighbour(t)
			seed := func() { add(t, a, Spec{MetaInfo: m, Storage: full(m.Info, payload).open}) }
			if seederFirst {
				seed()
			}
			magnet := m.Magnet()
			tor := add(t, b, Spec{Magnet: &magnet, Storage: (&memory{}).open, Everything: true})
			if !seederFirst {
				seed()
			}
			if err := tor.Wait(soon(t)); err != nil {
				t.Fatal(err)
			}
			check(t, tor, payload)
		})
	}
}

// TestNotAnnounced has torrents that must not be announced, or not yet, on the
// local network: an ear there hears nothing of them.
func TestNotAnnounced(t *testing.T) {
	c := neighbour(t)
	ear := lsd.New(lsd.Config{Port: 9, Listen: swarmtest.Host()})
	t.Cleanup(ear.Close)
	heard := make(chan string, 10)
	listen := func(name string, m *metainfo.MetaInfo) {
		ear.Join(m.Info.InfoHashes()[0], func(netip.AddrPort) { heard <- name })
	}
	private, _ := lonely(t, 1000)
	private = asPrivate(t, private)
	listen("private", private)
	tor := add(t, c, Spec{MetaInfo: private, Storage: (&memory{}).open, Everything: true})
	never, _ := lonely(t, 1001)
	listen("never", never)
	add(t, c, Spec{MetaInfo: never, Storage: (&memory{}).open, Everything: true, Announce: Never})
	need, _ := lonely(t, 1002)
	listen("on need", need)
	add(t, c, Spec{MetaInfo: need, Storage: (&memory{}).open, Announce: OnNeed})
	always, _ := lonely(t, 1003)
	listen("always", always)
	add(t, c, Spec{MetaInfo: always, Storage: (&memory{}).open})
	select {
	case got := <-heard:
		if got != "always" {
			t.Errorf("heard of the torrent %q", got)
		}
	case <-soon(t).Done():
		t.Fatal("heard nothing")
	}
	// Nor is a private one's peer taken from there: the ear's is none.
	tor.post(foundEvent{at("127.0.0.1:9")})
	eventually(t, "it is not known", func() bool { return tor.stats.Load() != nil && tor.Stats().Known == 0 })
	select {
	case got := <-heard:
		if got != "always" { // its client may have moved on to another interface
			t.Errorf("heard of the torrent %q", got)
		}
	case <-time.After(300 * time.Millisecond):
	}
}

// TestMagnetOfPrivateTorrentHere stops announcing one that turns out private.
func TestMagnetOfPrivateTorrentHere(t *testing.T) {
	m, payload := lonely(t, 5000)
	m = asPrivate(t, m)
	seeder, c := client(t, swarmtest.Host().String()), neighbour(t)
	add(t, seeder, Spec{MetaInfo: m, Storage: full(m.Info, payload).open})
	magnet := m.Magnet()
	tor := add(t, c, Spec{Magnet: &magnet, Storage: (&memory{}).open})
	eventually(t, "stats", func() bool { return tor.stats.Load() != nil })
	announced := func() int {
		n := make(chan int, 1)
		tor.post(inspect(func(l *loop) { n <- len(l.find.local.leave) }))
		return <-n
	}
	eventually(t, "it is announced", func() bool { return announced() == 1 })
	tor.AddPeers([]netip.AddrPort{seeder.Addr()})
	if _, err := tor.Metadata(soon(t)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is not announced any more", func() bool { return announced() == 0 })
}

// inspect is an event of the tests that looks at the loop.
type inspect func(*loop)

func (f inspect) apply(l *loop) { f(l) }

// TestHybridIsAnnouncedTwice announces both infohashes, the one that a magnet
// did not have too.
func TestHybridIsAnnouncedTwice(t *testing.T) {
	hybrid := swarmtest.MakeFile(t, swarmtest.Hybrid, "payload.bin", 1000, 16<<10)
	c := neighbour(t)
	tor := add(t, c, Spec{MetaInfo: hybrid.Meta, Storage: (&memory{}).open})
	eventually(t, "both are announced", func() bool {
		n := make(chan int, 1)
		tor.post(inspect(func(l *loop) { n <- len(l.find.local.leave) }))
		return <-n == 2
	})
}
