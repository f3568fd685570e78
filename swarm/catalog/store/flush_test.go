package store

import (
	"p2pfs/swarm/catalog"
	"path/filepath"
	"testing"
)

func TestFlushAgainAfterAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	open := func() *Store {
		s, err := Open(path, catalog.Salt{1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s, data := open(), catalog.AppendShard(nil, []catalog.Item{{Name: "x"}})
	h := catalog.HashObject(data)
	s.Put(func(b *Batch) {
		told := Stub{size: int32(len(data)), Own: 1, First: "x", Last: "x"}
		b.Objects[h], b.Nodes[h] = data, told.Marshal()
	})
	s.db.Close()
	if err := s.Flush(); err == nil {
		t.Error("a write to a closed file: no error")
	}
	if got, err := s.Object(h); err != nil || string(got) != string(data) {
		t.Errorf("after it: got %q, %v", got, err)
	}
	s.db = open().db
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	if got, err := s.Object(h); err != nil || string(got) != string(data) {
		t.Errorf("after a restart: got %q, %v", got, err)
	}
	s.Close()
}
