package state

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/kv"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/bbolt"
)

func TestStoreIsOneProcessOnly(t *testing.T) {
	p := newPeer(t, 1, "me")
	if _, err := store.Open(p.path, catalogtest.Salt, nil); !errors.Is(err, store.ErrLocked) {
		t.Errorf("got %v", err)
	}
}

func TestStoreOfAnotherDrive(t *testing.T) {
	p := newPeer(t, 1, "me")
	p.share(catalogtest.File("x", 1))
	p.cfg.Store.Close()
	if _, err := store.Open(p.path, catalog.Salt{9}, nil); !errors.Is(err, store.ErrDrive) {
		t.Errorf("got %v", err)
	}
	p.open()
	wantLs(t, p.View(), "", "x")
}

func TestBrokenStoreIsPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	for name, data := range map[string][]byte{
		"garbage": bytes.Repeat([]byte("garbage!"), 8192), "zeros": make([]byte, 65536), "short": []byte("x"),
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		s, err := store.Open(path, catalogtest.Salt, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n := strings.Count(log.String(), "set aside"); n != 1 {
			t.Errorf("%s: logged %d times: %q", name, n, log.String())
		}
		aside, _ := filepath.Glob(path + ".damaged-*")
		if len(aside) != 1 {
			t.Fatalf("%s: set aside: %q", name, aside)
		}
		if got, _ := os.ReadFile(aside[0]); !bytes.Equal(got, data) {
			t.Errorf("%s: not set aside", name)
		}
		s.Close()
	}
	if _, err := store.Open(filepath.Join(path, "below"), catalogtest.Salt, nil); err == nil {
		t.Error("a path that cannot be: no error")
	}
}

// A store as it was after any Flush can be opened and is consistent: copies of
// the file stand for a process that died.
func TestStoreAfterACrash(t *testing.T) {
	a, b := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	var copies [][]byte
	snapshot := func() {
		if err := b.store.Flush(); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(b.path)
		if err != nil {
			t.Fatal(err)
		}
		copies = append(copies, data)
	}
	for i := range 6 {
		files := catalogtest.Many(200 + 300*i)
		h := a.share(files...)
		b.Apply(h, b.now)
		for pending := b.Missing(h.Key); len(pending) > 0; {
			data, _ := a.Object(pending[0])
			pending = append(pending[1:], b.PutObject(data, b.now).Missing...)
			if len(pending)%7 == 0 {
				snapshot()
			}
		}
		b.now = b.now.Add(1e12)
		b.Sweep(b.now)
		snapshot()
	}
	for i, data := range copies {
		p := newPeer(t, 2, "bob")
		p.cfg.Store.Close()
		if err := os.WriteFile(p.path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		p.open()
		checkInvariants(t, p.State)
		walkView(t, p.View())
		if len(p.Authors.Versions()) > 0 {
			p.fetch(a, a.cfg.Self.Key())
		}
		if t.Failed() {
			t.Fatalf("copy %d of %d", i, len(copies))
		}
	}
	t.Logf("%d copies", len(copies))
}

// A store of another version is refused, and not a byte of it changes.
func TestStoreOfAnotherVersion(t *testing.T) {
	p := newPeer(t, 1, "me")
	p.share(catalogtest.File("x", 1))
	p.cfg.Store.Close()
	mark := func(format string) {
		t.Helper()
		db, err := bbolt.Open(p.path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		name, key := []byte("about"), []byte("format")
		err = db.Update(func(tx *bbolt.Tx) error {
			b := tx.Bucket(name)
			return errors.Join(b.Put(key, []byte(format)), b.Put([]byte("sealed"), kv.Seal(name, key, []byte(format))))
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	mark("p2pfs catalogue 99")
	before, _ := os.ReadFile(p.path)
	if _, err := store.Open(p.path, catalogtest.Salt, nil); !errors.Is(err, store.ErrFormat) {
		t.Errorf("got %v, want ErrFormat", err)
	}
	after, err := os.ReadFile(p.path)
	if aside, _ := filepath.Glob(p.path + ".damaged*"); err != nil || !bytes.Equal(before, after) || aside != nil {
		t.Errorf("the store was touched: %v %q", err, aside)
	}
	mark("p2pfs catalogue 2")
	p.open()
	wantLs(t, p.View(), "", "x")
}

func TestUnflushedIsSeenAndLost(t *testing.T) {
	p := newPeer(t, 1, "me")
	p.share(catalogtest.File("x", 1))
	p.store.Flush()
	before, _ := os.ReadFile(p.path)
	p.share(catalogtest.File("y", 1))
	wantLs(t, p.View(), "", "y")
	p.cfg.Store.Close()
	os.WriteFile(p.path, before, 0o600)
	p.open()
	wantLs(t, p.View(), "", "x")
}

// Views are read while the state changes and the store is written.
func TestConcurrentReaders(t *testing.T) {
	anna, self := newPeer(t, 2, "anna"), newPeer(t, 1, "me")
	files := catalogtest.Many(2000)
	anna.share(files...)
	self.hear(anna)
	self.share(catalogtest.File("dir/file 00001.txt", 99), catalogtest.File("own", 1))
	views := make(chan *union.View, 64)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			var last *union.View
			for v := range views {
				if list, err := v.ReadDir("dir"); err != nil || len(list) < 1900 {
					t.Errorf("ReadDir: %d entries, %v", len(list), err)
				}
				if _, err := v.Lookup("own"); err != nil {
					t.Error(err)
				}
				if last != nil {
					if _, err := union.Diff(last, v); err != nil {
						t.Error(err)
					}
				}
				last = v
			}
		})
	}
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				self.store.Flush()
			}
		}
	})
	for i := range 30 {
		files[i] = catalogtest.File(fmt.Sprintf("dir/new %d", i), i)
		anna.share(files...)
		self.hear(anna)
		self.Sweep(self.now)
		for range 3 {
			views <- self.View()
		}
	}
	close(views)
	close(done)
	wg.Wait()
}

func TestGoneObject(t *testing.T) {
	a, b := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	a.share(append(catalogtest.Many(500), catalogtest.File("cold/x", 1))...)
	b.hear(a)
	old := b.View()
	a.share(catalogtest.File("dir/other", 1))
	b.hear(a)
	b.Sweep(b.now.Add(1e9))
	if _, err := old.ReadDir("dir"); err != nil {
		t.Errorf("shortly after a change the last view is read: %v", err)
	}
	b.Sweep(b.now.Add(1e12))
	if _, err := old.ReadDir("cold"); !errors.Is(err, store.ErrGone) {
		t.Errorf("long after: got %v", err)
	}
}
