package swarm

import (
	"net/netip"
	"testing"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// TestHybridFromMagnets reads a hybrid from magnets that name both halves or
// one. A peer dialled by the v1 infohash may answer with either.
func TestHybridFromMagnets(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.Hybrid, "file", 1<<20+5, 64<<10)
	in := tor.Info
	for magnetName, magnet := range map[string]metainfo.Magnet{
		"both": {HasV1: true, V1: in.HashV1, HasV2: true, V2: in.HashV2},
		"btih": {HasV1: true, V1: in.HashV1},
		"btmh": {HasV2: true, V2: in.HashV2},
	} {
		for peerName, b := range map[string]swarmtest.Behaviour{
			"same": swarmtest.Honest(tor), "upgrade": swarmtest.Upgrading(tor),
		} {
			t.Run(magnetName+"/"+peerName, func(t *testing.T) {
				c := client(t, swarmtest.Host().String())
				peer := swarmtest.Serve(t, b).Addr
				check(t, add(t, c, Spec{Magnet: &magnet, Storage: (&memory{}).open, Peers: []netip.AddrPort{peer}}), tor.Files[0].Data)
			})
		}
		t.Run(magnetName+"/engine", func(t *testing.T) {
			a, b := client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String())
			add(t, a, Spec{MetaInfo: tor.Meta, Storage: full(in, tor.Space).open})
			got := add(t, b, Spec{Magnet: &magnet, Storage: (&memory{}).open, Peers: []netip.AddrPort{a.Addr()}})
			check(t, got, tor.Files[0].Data)
		})
	}
}

// TestAnotherTorrentInTheReply is a peer that claims to upgrade to the v2 half
// of a torrent that has none, or another one.
func TestAnotherTorrentInTheReply(t *testing.T) {
	for _, kind := range []swarmtest.Kind{swarmtest.V1, swarmtest.Hybrid} {
		tor := swarmtest.MakeFile(t, kind, "file", 300_000, 64<<10)
		liar := swarmtest.Serve(t, swarmtest.WrongInfoHash(tor)).Addr
		honest := swarmtest.Serve(t, swarmtest.Honest(tor)).Addr
		c := client(t, swarmtest.Host().String())
		magnet := metainfo.Magnet{HasV1: true, V1: tor.Info.HashV1}
		got := add(t, c, Spec{Magnet: &magnet, Storage: (&memory{}).open, Peers: []netip.AddrPort{liar, honest}})
		check(t, got, tor.Files[0].Data)
		eventually(t, "only the honest peer stays", func() bool { return got.Stats().Peers <= 1 })
	}
}
