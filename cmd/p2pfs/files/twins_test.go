//go:build linux

package files

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"p2pfs/cache"
	"p2pfs/swarm"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// newTwins is twins with a cache and a client of their own.
func newTwins(t *testing.T) *Twins {
	t.Helper()
	store, err := cache.Open(cache.Config{Dir: t.TempDir(), Size: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	ts := &Twins{Log: slog.New(slog.DiscardHandler), Cache: store}
	if ts.Holdings, err = OpenHoldings(t.TempDir(), store, ts.Log); err != nil {
		t.Fatal(err)
	}
	client, err := swarm.New(swarm.Config{Listen: swarmtest.Host().String() + ":0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	ts.Client = func() *swarm.Client { return client }
	if err := ts.Load(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return ts
}

// TestTwinsThatDisagree takes pieces in whose SHA-1 is that of the v1 torrent
// and which are not of the v2 torrent: nothing of them may be read.
func TestTwinsThatDisagree(t *testing.T) {
	ts := newTwins(t)
	for _, size := range []int{1000, 64 << 10, 64<<10 + 1, 200_000} {
		good, bad := swarmtest.Bytes(1, size), swarmtest.Bytes(2, size)
		for _, tt := range []struct {
			name string
			data []byte
			want error
		}{{"bad", bad, errTwins}, {"good", good, nil}, {"bad when the layer is known", bad, errTwins}} {
			h, err := hashing.File(t.Context(), bytes.NewReader(good), hashing.Config{PieceLength: 64 << 10, Length: int64(size)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			tw := ts.Of(tt.name, metainfo.Content{Root: h.Root, Size: int64(size)}, metainfo.Hash(swarmtest.Bytes(uint64(size+len(tt.name)), 20)))
			var got error
			for i, p := range slices.Collect(slices.Chunk(tt.data, 64<<10)) {
				got = tw.stored(i, slices.Collect(slices.Chunk(p, hashing.BlockSize)))
			}
			if !errors.Is(got, tt.want) || tw.isBroken() != (tt.want != nil) || tt.want == nil && !tw.whole() {
				t.Errorf("%d bytes, %s: got %v, broken %t, whole %t", size, tt.name, got, tw.isBroken(), tw.whole())
			}
		}
	}
}
