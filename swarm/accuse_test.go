package swarm

import (
	"net/netip"
	"testing"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// TestLoneSeedErrs: a seed that nobody can replace and that sends every 32nd block
// false still gives the whole file, and all of it true.
func TestLoneSeedErrs(t *testing.T) {
	for _, kind := range []swarmtest.Kind{swarmtest.V1, swarmtest.V2, swarmtest.Hybrid} {
		for _, read := range []bool{false, true} {
			t.Run(string(kind), func(t *testing.T) {
				t.Parallel()
				tor := swarmtest.MakeFile(t, kind, "payload.bin", 4<<20, 64<<10)
				c := client(t, swarmtest.Host().String())
				got := add(t, c, Spec{
					MetaInfo: &metainfo.MetaInfo{Info: tor.Info}, Storage: (&memory{}).open, Everything: !read, Announce: Never,
					Peers: []netip.AddrPort{swarmtest.Serve(t, swarmtest.CorruptEvery(tor, 32)).Addr},
				})
				if !read {
					if err := got.Wait(soon(t)); err != nil {
						t.Fatalf("%v; %+v", err, got.Stats())
					}
				}
				check(t, got, tor.Space)
				eventually(t, "it is seen that something false was sent", func() bool { return got.Stats().Wasted > 0 })
			})
		}
	}
}

// TestLoneSeedErrsForTwo: two who fetch from such a seed, and from one another, get
// all of it: that the other has a piece is no reason to do without the seed.
func TestLoneSeedErrsForTwo(t *testing.T) {
	for _, kind := range []swarmtest.Kind{swarmtest.V1, swarmtest.V2} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			tor := swarmtest.MakeFile(t, kind, "payload.bin", 16<<20, 64<<10)
			seed := swarmtest.Serve(t, swarmtest.CorruptEvery(tor, 32)).Addr
			first := client(t, swarmtest.Host().String())
			spec := Spec{
				MetaInfo: &metainfo.MetaInfo{Info: tor.Info}, Storage: (&memory{}).open, Everything: true, Announce: Never,
				Peers: []netip.AddrPort{seed},
			}
			one := add(t, first, spec)
			spec.Storage, spec.Peers = (&memory{}).open, []netip.AddrPort{seed, first.Addr()}
			two := add(t, client(t, swarmtest.Host().String()), spec)
			for _, got := range []*Torrent{one, two} {
				if err := got.Wait(soon(t)); err != nil {
					t.Fatalf("%v; %+v", err, got.Stats())
				}
				check(t, got, tor.Space)
			}
		})
	}
}

// TestLoneLiarIsBanned: one who sends nothing but false blocks is given up soon,
// though nobody else is there.
func TestLoneLiarIsBanned(t *testing.T) {
	t.Parallel()
	tor := swarmtest.MakeFile(t, swarmtest.V2, "payload.bin", 8<<20, 64<<10)
	p := swarmtest.Serve(t, swarmtest.CorruptEvery(tor, 1))
	c := client(t, swarmtest.Host().String())
	got := add(t, c, Spec{
		MetaInfo: &metainfo.MetaInfo{Info: tor.Info}, Storage: (&memory{}).open, Everything: true, Announce: Never,
		Peers: []netip.AddrPort{p.Addr},
	})
	eventually(t, "he is banned", func() bool {
		_, open := p.Conns()
		return open == 0 && got.Stats().Wasted > 0
	})
	if n := got.Stats().Wasted; n > 24<<20 {
		t.Errorf("%d bytes of his were fetched before", n)
	}
}
