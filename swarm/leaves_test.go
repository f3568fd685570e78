package swarm

import (
	"bytes"
	"math/rand"
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// TestReadReturnsAfterItsBlocks reads a little here and there of large pieces:
// what is fetched is the blocks, and nothing before they are verified.
func TestReadReturnsAfterItsBlocks(t *testing.T) {
	for _, c := range []struct{ size, piece int }{
		{40_000, 64 << 10}, {1 << 20, 1 << 20}, {1<<20 + 1, 256 << 10}, {5<<20 + 99, 1 << 20}, {33 << 20, 16 << 20},
	} {
		payload := randomBytes(c.size)
		_, v2 := torrents(t, payload, int64(c.piece))
		a, b := client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String())
		add(t, a, Spec{MetaInfo: v2, Storage: full(v2.Info, payload).open})
		tor := add(t, b, Spec{MetaInfo: &metainfo.MetaInfo{Info: v2.Info}, Storage: (&memory{}).open, Peers: []netip.AddrPort{a.Addr()}})
		r := tor.NewReader(0)
		rng := rand.New(rand.NewSource(1))
		const reads = 10
		for range reads {
			buf := make([]byte, 4096)
			off := rng.Int63n(int64(c.size - len(buf)))
			if _, err := r.ReadAt(soon(t), buf, off); err != nil || !bytes.Equal(buf, payload[off:off+4096]) {
				t.Fatalf("size %d, at %d: %v", c.size, off, err)
			}
		}
		eventually(t, "stats", func() bool { return tor.Stats().Received > 0 })
		if n := tor.Stats().Received; n > 2*reads*hashing.BlockSize {
			t.Errorf("size %d, pieces of %d: fetched %d bytes for %d reads of 4 KiB", c.size, c.piece, n, reads)
		}
		check(t, tor, payload) // the rest, as well
		r.Close()
	}
}

// TestHostileReads reads through two bad peers and an honest one: never a
// false byte, and no read waits long.
func TestHostileReads(t *testing.T) {
	for _, kind := range []swarmtest.Kind{swarmtest.V2, swarmtest.Hybrid} {
		tor := swarmtest.MakeFile(t, kind, "payload.bin", 3<<20, 256<<10)
		for _, bad := range swarmtest.Hostile() {
			t.Run(string(kind)+"/"+bad.Name, func(t *testing.T) {
				t.Parallel()
				c := client(t, swarmtest.Host().String())
				got := add(t, c, Spec{
					MetaInfo: &metainfo.MetaInfo{Info: tor.Info}, Storage: (&memory{}).open,
					Peers: []netip.AddrPort{
						swarmtest.Serve(t, bad.Make(tor)).Addr, swarmtest.Serve(t, bad.Make(tor)).Addr,
						swarmtest.Serve(t, swarmtest.Honest(tor)).Addr,
					},
				})
				r := got.NewReader(0)
				defer r.Close()
				rng := rand.New(rand.NewSource(2))
				slowest := time.Duration(0)
				for range 40 {
					buf := make([]byte, 1+rng.Intn(100_000))
					off := rng.Int63n(int64(len(tor.Space) - len(buf)))
					began := time.Now()
					if _, err := r.ReadAt(soon(t), buf, off); err != nil {
						t.Fatalf("%v; %+v", err, got.Stats())
					}
					slowest = max(slowest, time.Since(began))
					if !bytes.Equal(buf, tor.Space[off:off+int64(len(buf))]) {
						t.Fatalf("false bytes at %d", off)
					}
				}
				t.Logf("slowest read %v", slowest)
				if n := guard.Total(); n > 0 {
					t.Errorf("%d panics", n)
				}
			})
		}
	}
}
