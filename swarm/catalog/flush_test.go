package catalog

import (
	"path/filepath"
	"testing"
)

func TestFlushAgainAfterAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	open := func() *Store {
		s, err := OpenStore(path, Salt{1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s, data := open(), appendShard(nil, []item{{name: "x"}})
	h := HashObject(data)
	s.put(func(b *batch) {
		told := stub{size: int32(len(data)), own: 1, first: "x", last: "x"}
		b.objects[h], b.nodes[h] = data, told.marshal()
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
