//go:build linux

package files

import (
	"log/slog"
	"path/filepath"
	"testing"

	"p2pfs/cache"
	"p2pfs/swarm/held"
	"p2pfs/swarm/swarmtest"
)

// TestPinnedTorrents keeps files of torrents of all kinds over a restart, under
// a budget that has no room for anything else.
func TestPinnedTorrents(t *testing.T) {
	for _, kind := range swarmtest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			tor := swarmtest.Make(t, swarmtest.Spec{Kind: kind, Name: "tree", PieceLength: 32 << 10, Files: []swarmtest.File{
				{Path: "dir/one", Data: swarmtest.Bytes(1, 150_000)}, {Path: "dir/two", Data: []byte("x")}, {Path: "three", Data: swarmtest.Bytes(2, 70_000)},
			}})
			dir := t.TempDir()
			info := tor.Meta.Info
			hs, close := pinGround(t, dir)
			st, err := hs.Storage(tor.Meta)
			if err != nil {
				t.Fatal(err)
			}
			file := info.Pieces.FileOf(0)
			hs.Pins.Add(info, held.NewPin(info, file, "one"))
			first, n := info.Pieces.OfFile(file)
			for i := first; i < first+n; i++ {
				if err := st.WritePiece(i, [][]byte{tor.Piece(i)}); err != nil {
					t.Fatal(err)
				}
			}
			if err := hs.Pins.Save(); err != nil {
				t.Fatal(err)
			}
			close()
			hs, close = pinGround(t, dir)
			defer close()
			for i := first; i < first+n; i++ {
				k, here := hs.Index.Key(info, i)
				if !here || !hs.cache.Pinned(k) {
					t.Errorf("piece %d: held %v, pinned %v after a restart", i, here, hs.cache.Pinned(k))
				}
			}
		})
	}
}

// pinGround is a cache with its holdings and pins.
func pinGround(t *testing.T, dir string) (hs *Holdings, close func()) {
	t.Helper()
	store, err := cache.Open(cache.Config{Dir: filepath.Join(dir, "cache")})
	if err != nil {
		t.Fatal(err)
	}
	hs, err = OpenHoldings(dir, store, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return hs, func() {
		if err := hs.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}
