package kv

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

var (
	bucketA = []byte("a")
	bucketB = []byte("b")
)

// testConfig is a database whose values are sealed.
func testConfig(path string) Config {
	return Config{
		Path: path, Name: "tests", Version: 3, Buckets: [][]byte{bucketA, bucketB},
		Check: func(bucket, key, value []byte) error {
			if _, ok := Unseal(bucket, key, value); !ok {
				return errors.New("value does not verify")
			}
			return nil
		},
	}
}

func open(t testing.TB, cfg Config) *DB {
	t.Helper()
	d, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func put(tx *bolt.Tx, bucket []byte, key string, value []byte) error {
	return tx.Bucket(bucket).Put([]byte(key), Seal(bucket, []byte(key), value))
}

// fill makes a database with branches, pages that run over, and free pages.
func fill(t testing.TB, path string) {
	t.Helper()
	d := open(t, testConfig(path))
	r := rand.New(rand.NewPCG(1, 2))
	update := func(f func(tx *bolt.Tx) error) {
		t.Helper()
		if err := d.Update(f); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx *bolt.Tx) (err error) {
		for i := range 3000 {
			err = errors.Join(err, put(tx, bucketA, fmt.Sprintf("key %d", r.Uint64()), make([]byte, r.IntN(200))))
			if i%100 == 0 {
				err = errors.Join(err, put(tx, bucketB, fmt.Sprintf("big %d", i), make([]byte, 5000+r.IntN(20000))))
			}
		}
		return err
	})
	update(func(tx *bolt.Tx) (err error) {
		for i := 0; i < 3000; i += 300 {
			err = errors.Join(err, tx.Bucket(bucketB).Delete([]byte(fmt.Sprintf("big %d", i))))
		}
		return err
	})
	update(func(tx *bolt.Tx) error { return put(tx, bucketA, "last", nil) })
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// wantWorking fails the test unless d can be read whole, each value being one
// that was put, and written to.
func wantWorking(t *testing.T, d *DB) (values int) {
	t.Helper()
	err := d.View(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketA, bucketB} {
			err := tx.Bucket(name).ForEach(func(k, v []byte) error {
				values++
				if _, ok := Unseal(name, k, v); !ok {
					return fmt.Errorf("value of %q does not verify", k)
				}
				if got := tx.Bucket(name).Get(k); !bytes.Equal(got, v) {
					return fmt.Errorf("%q is seen by going through, but not found", k)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Errorf("read: %v", err)
	}
	for i := range 3 { // over free pages, too
		err := d.Update(func(tx *bolt.Tx) error { return put(tx, bucketB, fmt.Sprint("new ", i), make([]byte, 30000)) })
		if err != nil {
			t.Errorf("write: %v", err)
		}
	}
	return values
}

// harm damages a file at random, and says how.
func harm(r *rand.Rand, data []byte) ([]byte, string) {
	const page = 4096
	data = bytes.Clone(data)
	used := len(data)
	for used > page && data[used-1] == 0 { // bbolt's files end in room
		used--
	}
	at := r.IntN(used)
	switch r.IntN(6) {
	case 0:
		bit := r.IntN(8)
		data[at] ^= 1 << bit
		return data, fmt.Sprintf("bit %d of byte %d flipped", bit, at)
	case 1:
		at = at / page * page // where headers and elements are
		at += r.IntN(256)
		data[at] ^= byte(1 + r.IntN(255))
		return data, fmt.Sprintf("byte %d changed", at)
	case 2:
		n := min(1+r.IntN(64), len(data)-at)
		clear(data[at : at+n])
		return data, fmt.Sprintf("%d bytes zeroed at %d", n, at)
	case 3:
		at = at / page * page
		n := min(page*(1+r.IntN(4)), len(data)-at)
		clear(data[at : at+n])
		return data, fmt.Sprintf("%d bytes zeroed at %d", n, at)
	case 4:
		return data[:at], fmt.Sprintf("cut to %d bytes", at)
	}
	n := min(1+r.IntN(3*page), len(data)-at)
	for i := range n {
		data[at+i] = byte(r.Uint32())
	}
	return data, fmt.Sprintf("%d bytes of garbage at %d", n, at)
}

// TestDamage opens damaged files: whatever was done to them, what is there then
// is whole, and can be added to.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	fill(t, path)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(uint64(os.Getpid()), 7))
	aside, rounds := 0, 256
	if testing.Short() {
		rounds = 64
	}
	for range rounds {
		dir := t.TempDir()
		cfg := testConfig(filepath.Join(dir, "x.db"))
		var log strings.Builder
		cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		data, how := harm(r, whole)
		if err := os.WriteFile(cfg.Path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := Open(cfg)
		if err != nil {
			t.Errorf("%s: %v", how, err)
			continue
		}
		values := wantWorking(t, d)
		d.Close()
		d = open(t, cfg)
		wantWorking(t, d)
		d.Close()
		entries, _ := os.ReadDir(dir)
		said := strings.Count(log.String(), "set aside")
		if len(entries) > 1 {
			aside++
		}
		if said != len(entries)-1 || said > 1 || said == 0 && len(data) > 0 && values < 3020 { // or as one transaction less left it
			t.Errorf("%s: %d values, %d files, log %q", how, values, len(entries), &log)
		}
		if t.Failed() {
			t.Fatal(how)
		}
		os.RemoveAll(dir)
	}
	t.Logf("%d of %d set aside", aside, rounds)
}

// TestDamageWhileOpen damages the file under an open database: calls fail or
// succeed, but all come back, and Renew begins anew. The damage is the same each
// time, and spares how many pages a page says to run over into: bbolt believes
// that, and where it is in the billions takes memory for as many.
func TestDamageWhileOpen(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "x.db")
	fill(t, whole)
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 8))
	shown := 0
	for range 24 {
		path := filepath.Join(t.TempDir(), "x.db")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		d := open(t, testConfig(path))
		bad, how := harm(r, data)
		for at := 12; at+4 <= len(bad); at += 4096 {
			copy(bad[at:at+4], data[at:])
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteAt(bad, 0)
		f.Truncate(int64(len(bad)))
		f.Close()
		for i := range 4 {
			d.View(func(tx *bolt.Tx) error {
				return tx.Bucket(bucketA).ForEach(func(k, v []byte) error { Unseal(bucketA, k, v); return nil })
			})
			d.Update(func(tx *bolt.Tx) error { return put(tx, bucketB, fmt.Sprint("new ", i), make([]byte, 30000)) })
		}
		if d.Damaged() {
			shown++
			if err := d.Update(func(*bolt.Tx) error { return nil }); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: got %v, want ErrDamaged", how, err)
			}
		}
		if err := d.Renew(); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		wantWorking(t, d)
		d.Close()
		if t.Failed() {
			t.Fatal(how)
		}
	}
	t.Logf("damage showed in %d of 24", shown)
}

// TestAsideIsBounded damages a database again and again.
func TestAsideIsBounded(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	os.WriteFile(path+".broken", nil, 0o600) // the first version's names
	os.WriteFile(path+".damaged", nil, 0o600)
	os.WriteFile(filepath.Join(dir, "other.db.damaged"), nil, 0o600)
	for i := range 3 {
		if err := os.WriteFile(path, fmt.Append(nil, "garbage ", i), 0o600); err != nil {
			t.Fatal(err)
		}
		open(t, testConfig(path)).Close()
	}
	aside, _ := filepath.Glob(path + ".*")
	if len(aside) != 1 {
		t.Fatalf("set aside: %q", aside)
	}
	if data, _ := os.ReadFile(aside[0]); string(data) != "garbage 2" {
		t.Errorf("kept %q, want the newest", data)
	}
	if _, err := os.Stat(filepath.Join(dir, "other.db.damaged")); err != nil {
		t.Error(err)
	}
}

// TestMark opens what is not ours to open.
func TestMark(t *testing.T) {
	make1 := func(bucket string, kv ...string) func(tx *bolt.Tx) error {
		return func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte(bucket))
			for i := 0; i < len(kv); i += 2 {
				err = errors.Join(err, b.Put([]byte(kv[i]), []byte(kv[i+1])))
			}
			return err
		}
	}
	sealed := func(mark string) string { return string(Seal(bucketAbout, keyFormat, []byte(mark))) }
	for name, c := range map[string]struct {
		make func(tx *bolt.Tx) error
		want error // nil: opened, or set aside
	}{
		"another program":        {make1("x"), ErrFormat},
		"a bucket of ours":       {make1("a"), nil},
		"unsealed, this version": {make1("about", "format", "p2pfs tests 3"), nil},
		"unsealed, another":      {make1("about", "format", "p2pfs tests 4"), ErrFormat},
		"unsealed, garbled":      {make1("about", "format", "p2pgs tests 3"), nil},
		"sealed, another":        {make1("about", "format", "p2pfs tests 4", "sealed", sealed("p2pfs tests 4")), ErrFormat},
		"sealed, garbled":        {make1("about", "format", "p2pfs tests 4", "sealed", sealed("p2pfs tests 3")), nil},
		"another database":       {make1("about", "format", "p2pfs rests 3", "sealed", sealed("p2pfs rests 3")), ErrFormat},
		"mark without a format":  {make1("about"), nil},
	} {
		path := filepath.Join(t.TempDir(), "x.db")
		db, err := bolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(c.make), db.Close()); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		d, err := Open(testConfig(path))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if err == nil {
			wantWorking(t, d)
			d.Close()
		} else if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	open(t, testConfig(path))
	if _, err := Open(testConfig(path)); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
}

// TestPrepare calls back: for a file of before the mark, and at each start.
func TestPrepare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket(bucketA)
		return errors.Join(err, b.Put([]byte("k"), []byte("old")))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(path)
	legacy, prepared := 0, 0
	cfg.Legacy = func(tx *bolt.Tx) (bool, error) {
		legacy++
		return true, put(tx, bucketA, "k", []byte("new"))
	}
	cfg.Prepare = func(tx *bolt.Tx) error {
		prepared++
		if prepared == 3 {
			return fmt.Errorf("%w: for a test", ErrDamaged)
		}
		return nil
	}
	for i := range 3 {
		d := open(t, cfg)
		if got := wantWorking(t, d); i == 0 && got != 1 || i == 1 && got != 4 || i == 2 && got != 0 {
			t.Errorf("start %d: %d values", i, got)
		}
		d.Close()
	}
	if legacy != 1 || prepared != 4 {
		t.Errorf("legacy %d, prepared %d", legacy, prepared)
	}
}
