package held

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pfs/swarm/metainfo"
)

func TestPinList(t *testing.T) {
	list := []*Pin{
		{ID: PinID{of: metainfo.Content{Root: metainfo.Hash256{1, 2}, Size: 5}}, Path: "a b\n", Size: 5},
		{ID: PinID{infoHash: metainfo.Hash{9}, file: 3}, Path: "c", Size: 6, Torrent: "09"},
	}
	data, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	var got []*Pin
	if err := json.Unmarshal(data, &got); err != nil || len(got) != 2 || got[0].ID != list[0].ID || got[1].ID != list[1].ID {
		t.Errorf("%s: got %+v, %v", data, got, err)
	}
	path := filepath.Join(t.TempDir(), "pins") // what older versions wrote names no size in the id
	text := `[{"id":"root ` + strings.Repeat("0a", 32) + `","path":"x","size":7}]`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	store := newFakeStore()
	old, err := OpenPins(path, store, NewIndex(store))
	if err != nil || !old.Has(PinID{of: metainfo.Content{Root: metainfo.Hash256(bytes.Repeat([]byte{10}, 32)), Size: 7}}) {
		t.Errorf("an older list: %v, %v", old, err)
	}
	for _, bad := range []string{"[", "{}", `[{"id":"root 12"}]`, `[{"id":"infohash 00 1"}]`, `[{"id":"x"}]`, strings.Repeat("[", 1000)} {
		path := filepath.Join(t.TempDir(), "pins")
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenPins(path, store, NewIndex(store)); err == nil || !strings.Contains(err.Error(), "list of pinned files") {
			t.Errorf("%.40q: got %v, want an error", bad, err)
		}
	}
}
