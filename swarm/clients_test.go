package swarm

import (
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// unique is a torrent that nobody else on this machine has: libtorrent's are
// announced on loopback, and other tests listen there.
func unique(t *testing.T, kind swarmtest.Kind) *swarmtest.Torrent {
	t.Helper()
	data := swarmtest.Bytes(uint64(time.Now().UnixNano()), 1_000_000)
	return swarmtest.Make(t, swarmtest.Spec{Kind: kind, Name: "payload.bin", Single: true, Files: []swarmtest.File{{Path: "payload.bin", Data: data}}})
}

// holding is a Storage that has everything of a torrent.
func holding(tor *swarmtest.Torrent) func(*metainfo.MetaInfo) (Storage, error) {
	m := &memory{pieces: map[int][]byte{}}
	for i := range tor.Info.Pieces.Count() {
		m.pieces[i] = tor.Piece(i)
	}
	return m.open
}

// onLoopback lets libtorrent announce, on the address that it listens on.
var onLoopback = map[string]any{"enable_lsd": true}

// TestLibtorrentFindsUsHere has libtorrent fetch from our seeder with nothing to
// go by but announces on loopback.
func TestLibtorrentFindsUsHere(t *testing.T) {
	for _, kind := range swarmtest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			tor := unique(t, kind)
			add(t, neighbour(t), Spec{MetaInfo: tor.Meta, Storage: holding(tor)})
			c := swarmtest.LibtorrentLeech(t, swarmtest.Run{Torrent: tor.WriteTorrent(t, t.TempDir()), Settings: onLoopback})
			c.WaitWhole(t, time.Minute)
			tor.CheckPayload(t, c.Dir)
		})
	}
}

// TestWeFindLibtorrentHere is the other way round, from a magnet.
func TestWeFindLibtorrentHere(t *testing.T) {
	tor := unique(t, swarmtest.V1)
	dir := t.TempDir()
	tor.WritePayload(t, dir)
	swarmtest.LibtorrentSeed(t, swarmtest.Run{Torrent: tor.WriteTorrent(t, t.TempDir()), Dir: dir, Settings: onLoopback})
	magnet := tor.Meta.Magnet()
	got := add(t, neighbour(t), Spec{Magnet: &magnet, Storage: (&memory{}).open, Everything: true})
	if err := got.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
	check(t, got, tor.Space)
}

// TestLibtorrentHearsOurPEX has libtorrent know one of us, who has nothing and
// fetches nothing: of the seeder only PEX can tell it.
func TestLibtorrentHearsOurPEX(t *testing.T) {
	t.Parallel()
	tor := unique(t, swarmtest.V1)
	hub, seeder := client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String())
	add(t, hub, Spec{MetaInfo: tor.Meta, Storage: (&memory{}).open, Announce: Never})
	add(t, seeder, Spec{MetaInfo: tor.Meta, Storage: holding(tor), Peers: []netip.AddrPort{hub.Addr()}})
	c := swarmtest.LibtorrentLeech(t, swarmtest.Run{Torrent: tor.WriteTorrent(t, t.TempDir()), Peers: []netip.AddrPort{hub.Addr()}})
	c.WaitWhole(t, time.Minute)
	tor.CheckPayload(t, c.Dir)
}

// TestWeHearLibtorrentsPEX has two of us know a libtorrent only. Both lack a
// piece, so that nobody leaves.
func TestWeHearLibtorrentsPEX(t *testing.T) {
	t.Parallel()
	tor := unique(t, swarmtest.V1)
	hub := swarmtest.LibtorrentLeech(t, swarmtest.Run{Torrent: tor.WriteTorrent(t, t.TempDir())}).Addr
	most, err := holding(tor)(tor.Meta)
	if err != nil {
		t.Fatal(err)
	}
	most.(*memory).drop(3)
	spec := Spec{MetaInfo: tor.Meta, Everything: true, Announce: Never, Peers: []netip.AddrPort{hub}}
	spec.Storage = most.(*memory).open
	one := add(t, client(t, swarmtest.Host().String()), spec)
	spec.Storage = (&memory{}).open
	two := add(t, client(t, swarmtest.Host().String()), spec)
	within(t, time.Minute, "they are connected", func() bool { return one.Stats().Peers == 2 && two.Stats().Peers == 2 })
}
