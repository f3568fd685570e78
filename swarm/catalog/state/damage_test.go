package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"p2pfs/swarm/catalog/catalogtest"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/kv"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// TestDamagedStore opens stores that were damaged in some way: each time the
// store opens, what it shows is right, what members have is back, and own files
// are published.
func TestDamagedStore(t *testing.T) {
	anna, bob := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	anna.share(catalogtest.Many(700)...)
	bob.hear(anna)
	bob.share(catalogtest.File("bob's", 1))
	if err := bob.store.Flush(); err != nil {
		t.Fatal(err)
	}
	killed, err := os.ReadFile(bob.path)
	if err != nil {
		t.Fatal(err)
	}
	bob.restart()
	bob.cfg.Store.Close()
	stopped, err := os.ReadFile(bob.path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(uint64(os.Getpid()), 3))
	aside := 0
	for i := range 64 {
		data, how := damage(r, [][]byte{killed, stopped}[i%2])
		p := &peer{t: t, path: filepath.Join(t.TempDir(), "catalog.db"), name: "bob", now: bob.now}
		p.cfg = bob.cfg
		p.cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
		if err := os.WriteFile(p.path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Log(how)
		p.open()
		walkView(t, p.View())
		p.hear(anna)
		p.share(catalogtest.File("bob's new", 2))
		wantLs(t, p.View(), "", "bob's new", "dir")
		checkInvariants(t, p.State)
		p.restart()
		wantLs(t, p.View(), "", "bob's new", "dir")
		p.cfg.Store.Close()
		if names, _ := filepath.Glob(p.path + ".damaged-*"); len(names) > 0 {
			aside++
		}
		os.RemoveAll(filepath.Dir(p.path))
		if t.Failed() {
			t.Fatal(how)
		}
	}
	t.Logf("%d of 64 set aside", aside)
}

// damage flips bits of what is used of a file, zeroes a part, or cuts it.
func damage(r *rand.Rand, data []byte) ([]byte, string) {
	data = append([]byte(nil), data...)
	used := len(data)
	for used > 1 && data[used-1] == 0 {
		used--
	}
	at := r.IntN(used)
	switch r.IntN(4) {
	case 0:
		data[at] ^= 1 << r.IntN(8)
		return data, fmt.Sprintf("bit of byte %d", at)
	case 1:
		n := min(1+r.IntN(64), len(data)-at)
		clear(data[at : at+n])
		return data, fmt.Sprintf("%d zeros at %d", n, at)
	case 2:
		at = at &^ 4095
		clear(data[at : at+4096])
		return data, fmt.Sprintf("page at %d zeroed", at)
	}
	return data[:at], fmt.Sprintf("cut to %d", at)
}

// TestStoreOfFormat1 opens what the first version wrote, and a damaged one.
func TestStoreOfFormat1(t *testing.T) {
	anna, bob := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	anna.share(catalogtest.Many(300)...)
	bob.hear(anna)
	bob.cfg.Store.Close()
	unseal(t, bob.path)
	old, err := os.ReadFile(bob.path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		bob.open()
		wantLs(t, bob.View(), "", "dir")
		checkInvariants(t, bob.State)
		if n := len(bob.Authors.Versions()); n != 1 {
			t.Errorf("%d authors, want 1", n)
		}
		bob.cfg.Store.Close()
	}
	if aside, _ := filepath.Glob(bob.path + ".*"); aside != nil {
		t.Errorf("set aside: %q", aside)
	}
	r := rand.New(rand.NewPCG(uint64(os.Getpid()), 4))
	for range 16 {
		data, how := damage(r, old)
		if err := os.WriteFile(bob.path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := store.Open(bob.path, catalogtest.Salt, nil); err != nil && !errors.Is(err, store.ErrDrive) { // its salt bore no checksum
			t.Errorf("%s: %v", how, err)
		} else if err == nil {
			s.Close()
		}
	}
	bob.open()
}

// unseal makes a store one of format 1.
func unseal(t *testing.T, path string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	meta := []byte("meta")
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{meta, []byte("heads"), []byte("nodes"), []byte("claims")} {
			b := tx.Bucket(name)
			plain := map[string][]byte{}
			err := b.ForEach(func(k, v []byte) error {
				if v, ok := kv.Unseal(name, k, v); ok {
					plain[string(k)] = append([]byte(nil), v...)
				}
				return nil
			})
			for k, v := range plain {
				err = errors.Join(err, b.Put([]byte(k), v))
			}
			if err != nil {
				return err
			}
		}
		return errors.Join(tx.DeleteBucket([]byte("about")), tx.Bucket(meta).Delete([]byte("clock")),
			tx.Bucket(meta).Put([]byte("format"), binary.AppendUvarint(nil, 1)))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
