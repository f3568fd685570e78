//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pfs/cache"
	"p2pfs/swarm/metainfo"
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
			st, err := hs.storage(tor.Meta)
			if err != nil {
				t.Fatal(err)
			}
			file := info.Pieces.FileOf(0)
			hs.pins.add(&pin{ID: pinOf(info, file), Path: "one", Size: info.Files[file].Length, Torrent: info.InfoHashes()[0].String()})
			hs.pinHeld(info)
			first, n := info.Pieces.OfFile(file)
			for i := first; i < first+n; i++ {
				if err := st.WritePiece(i, [][]byte{tor.Piece(i)}); err != nil {
					t.Fatal(err)
				}
			}
			if err := hs.pins.save(); err != nil {
				t.Fatal(err)
			}
			close()
			hs, close = pinGround(t, dir)
			defer close()
			for i := first; i < first+n; i++ {
				k, held := hs.keyOf(info, i)
				if !held || !hs.cache.Pinned(k) {
					t.Errorf("piece %d: held %v, pinned %v after a restart", i, held, hs.cache.Pinned(k))
				}
			}
		})
	}
}

// pinGround is a cache with its holdings and pins.
func pinGround(t *testing.T, dir string) (hs *holdings, close func()) {
	t.Helper()
	store, err := cache.Open(cache.Config{Dir: filepath.Join(dir, "cache")})
	if err != nil {
		t.Fatal(err)
	}
	hs, err = openHoldings(filepath.Join(dir, "torrents"), store, quiet)
	if err == nil {
		err = hs.loadPins(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return hs, func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPinList(t *testing.T) {
	list := []*pin{
		{ID: pinID{of: metainfo.Content{Root: metainfo.Hash256{1, 2}, Size: 5}}, Path: "a b\n", Size: 5},
		{ID: pinID{infoHash: metainfo.Hash{9}, file: 3}, Path: "c", Size: 6, Torrent: "09"},
	}
	data, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	var got []*pin
	if err := json.Unmarshal(data, &got); err != nil || len(got) != 2 || got[0].ID != list[0].ID || got[1].ID != list[1].ID {
		t.Errorf("%s: got %+v, %v", data, got, err)
	}
	old := newPins(nil) // what older versions wrote names no size in the id
	path := filepath.Join(t.TempDir(), "pins")
	text := `[{"id":"root ` + strings.Repeat("0a", 32) + `","path":"x","size":7}]`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := old.load(path); err != nil || !old.has(pinID{of: metainfo.Content{Root: metainfo.Hash256(bytes.Repeat([]byte{10}, 32)), Size: 7}}) {
		t.Errorf("an older list: %v, %v", old.byID, err)
	}
	for _, bad := range []string{"[", "{}", `[{"id":"root 12"}]`, `[{"id":"infohash 00 1"}]`, `[{"id":"x"}]`, strings.Repeat("[", 1000)} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "pins"), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		hs := &holdings{pins: newPins(nil)}
		if err := hs.loadPins(dir); err == nil || !strings.Contains(err.Error(), "list of pinned files") {
			t.Errorf("%.40q: got %v, want an error", bad, err)
		}
	}
}
