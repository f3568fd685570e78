package state

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"p2pfs/swarm/metainfo"
)

func TestSidecars(t *testing.T) {
	info, err := metainfo.BuildV1("x", 5, 16384, make([]metainfo.Hash, 1), metainfo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := &metainfo.MetaInfo{Info: info, Trackers: [][]string{{"udp://a.example:80"}}}
	state := t.TempDir()
	s := NewSidecars(state, slog.New(slog.DiscardHandler))
	if got := s.Load(info.HashV1); got != nil {
		t.Errorf("got %+v before it was saved", got)
	}
	for range 2 { // the second replaces the first
		s.Save(info.HashV1, m)
		got := s.Load(info.HashV1)
		if got == nil || got.Info.HashV1 != info.HashV1 || got.Trackers[0][0] != "udp://a.example:80" {
			t.Fatalf("got %+v back", got)
		}
	}
	names, err := os.ReadDir(filepath.Join(state, SidecarDir))
	if err != nil || len(names) != 1 || names[0].Name() != info.HashV1.String()+".torrent" {
		t.Errorf("got %v, %v; want one file", names, err)
	}

	// A file under a false name, and one that is damaged, are nothing.
	other := metainfo.Hash{1}
	if err := os.Rename(s.path(info.HashV1), s.path(other)); err != nil {
		t.Fatal(err)
	}
	if got := s.Load(other); got != nil {
		t.Errorf("got %v for another infohash", got.Info.HashV1)
	}
	if err := os.WriteFile(s.path(info.HashV1), []byte("d4:info"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := s.Load(info.HashV1); got != nil {
		t.Errorf("got %+v from half a file", got)
	}
	NewSidecars("/dev/null", slog.New(slog.DiscardHandler)).Save(other, m) // goes wrong, and no further
}
