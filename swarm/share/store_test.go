package share

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"p2pfs/swarm/lru"
)

func testStore(t testing.TB, path string) *store {
	t.Helper()
	s, err := openStore(storeConfig{path: path, place: "here", log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// settled waits until all that was put is on disk.
func (s *store) settled(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	seq := s.seq
	s.mu.Unlock()
	limit := time.After(patience)
	for s.saved.Load() < seq {
		select {
		case <-s.notify:
		case <-limit:
			t.Fatal("nothing was saved")
		}
	}
}

func find(s *store, id ident) (sum summary, ok bool) {
	s.lookup([]meta{{ident: id}}, func(_ int, got summary) { sum, ok = got, true })
	return sum, ok
}

func TestStoreKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), storeName)
	s := testStore(t, path)
	r := rand.New(rand.NewPCG(3, 4))
	want := map[ident]*hashes{}
	for i := range 300 {
		id := ident{1, uint64(i), int64(i), 5}
		want[id] = randomHashes(r, 1+i%7, i%7)
		s.put(id, testSummary(byte(i)), want[id])
	}
	check := func(when string) {
		t.Helper()
		for id, h := range want {
			if sum, ok := find(s, id); !ok || sum != testSummary(byte(id.ino)) {
				t.Fatalf("%s: summary of %+v: got %+v %v", when, id, sum, ok)
			}
			if got := s.hashes(id); got == nil || !reflect.DeepEqual(got.pieces, h.pieces) || len(got.layer) != len(h.layer) {
				t.Fatalf("%s: hashes of %+v: got %+v, want %+v", when, id, got, h)
			}
		}
		if _, ok := find(s, ident{9, 9, 9, 9}); ok {
			t.Errorf("%s: found what was never put", when)
		}
	}
	check("at once")
	s.settled(t)
	s.recent = lru.New[ident, *hashes](0)
	check("saved")
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s = testStore(t, path)
	defer s.close()
	check("opened again")
	for id := range want {
		s.put(id, testSummary(byte(id.ino)), nil) // leaves the hashes
	}
	check("summaries put again")
	s.settled(t)
	check("and saved")
}

func TestStoreClosesWithWhatWasPut(t *testing.T) {
	path := filepath.Join(t.TempDir(), storeName)
	s := testStore(t, path)
	id := ident{1, 2, 3, 4}
	s.put(id, testSummary(1), &hashes{})
	s.close()
	s = testStore(t, path)
	defer s.close()
	if _, ok := find(s, id); !ok {
		t.Error("lost")
	}
}

func TestStoreReplacesVersionsOfAnInode(t *testing.T) {
	s := testStore(t, filepath.Join(t.TempDir(), storeName))
	defer s.close()
	a, b, other := ident{1, 2, 3, 4}, ident{1, 2, 5, 6}, ident{1, 3, 3, 4}
	for _, id := range []ident{a, other, b} {
		s.put(id, testSummary(1), &hashes{})
		s.settled(t)
	}
	for id, want := range map[ident]bool{a: false, b: true, other: true} {
		if _, ok := find(s, id); ok != want {
			t.Errorf("%+v: found %v, want %v", id, ok, want)
		}
	}
	s.recent = lru.New[ident, *hashes](0)
	if s.hashes(a) != nil {
		t.Error("hashes of the old version are still there")
	}
	s.drop(b)
	if _, ok := find(s, b); ok || s.hashes(b) != nil {
		t.Error("dropped, but found")
	}
	s.settled(t)
	if _, ok := find(s, b); ok || s.hashes(b) != nil {
		t.Error("dropped and saved, but found")
	}
}

// TestStoreKnowsADeviceByAnotherNumber: what a filesystem is numbered changes
// with each mount of some.
func TestStoreKnowsADeviceByAnotherNumber(t *testing.T) {
	s := testStore(t, filepath.Join(t.TempDir(), storeName))
	defer s.close()
	before := ident{dev: 40, ino: 2, size: 3, mtime: 4}
	sum := testSummary(8)
	h := randomHashes(rand.New(rand.NewPCG(1, 1)), 3, 3)
	h.root = sum.root
	s.put(before, sum, h)
	s.put(ident{dev: 39, ino: 2, size: 3, mtime: 4}, testSummary(9), &hashes{}) // a file of another filesystem
	s.settled(t)
	now := meta{ident: ident{dev: 41, ino: 2, size: 3, mtime: 4}, ctime: sum.ctime}
	ask := func(m meta) (got summary, ok bool) {
		s.lookup([]meta{m}, func(_ int, sum summary) { got, ok = sum, true })
		return got, ok
	}
	for name, m := range map[string]meta{
		"other ctime": {ident: now.ident, ctime: now.ctime + 100},
		"other size":  {ident: ident{dev: 41, ino: 2, size: 4, mtime: 4}, ctime: now.ctime},
		"other time":  {ident: ident{dev: 41, ino: 2, size: 3, mtime: 5}, ctime: now.ctime},
		"other inode": {ident: ident{dev: 41, ino: 3, size: 3, mtime: 4}, ctime: now.ctime},
	} {
		if got, ok := ask(m); ok {
			t.Errorf("%s: found %+v", name, got)
		}
	}
	for range 2 {
		if got, ok := ask(now); !ok || got != sum {
			t.Errorf("got %+v %v, want %+v", got, ok, sum)
		}
		if h := s.hashes(now.ident); h == nil || len(h.pieces) != 3 {
			t.Errorf("hashes: %+v", h)
		}
		s.settled(t)
	}
	if _, ok := find(s, before); !ok {
		t.Error("the record it was taken from is gone")
	}
}

func TestStoreIsForOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), storeName)
	s := testStore(t, path)
	defer s.close()
	if _, err := openStore(storeConfig{path: path, log: slog.New(slog.DiscardHandler)}); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
}

func TestStoreDropsDamagedRecords(t *testing.T) {
	s := testStore(t, filepath.Join(t.TempDir(), storeName))
	defer s.close()
	sumBad, hashesBad := ident{1, 1, 1, 1}, ident{1, 2, 1, 1}
	s.put(sumBad, testSummary(1), &hashes{})
	s.put(hashesBad, testSummary(2), &hashes{})
	s.settled(t)
	s.recent = lru.New[ident, *hashes](0)
	err := s.db.Update(func(tx *bolt.Tx) error {
		spoil := func(bucket []byte, id ident) error {
			v := append([]byte(nil), tx.Bucket(bucket).Get(id.key())...)
			v[3] ^= 1
			return tx.Bucket(bucket).Put(id.key(), v)
		}
		return errors.Join(spoil(bucketFile, sumBad), spoil(bucketPieces, hashesBad))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := find(s, sumBad); ok {
		t.Error("a damaged summary was taken")
	}
	if s.hashes(hashesBad) != nil {
		t.Error("damaged hashes were taken")
	}
	s.settled(t)
	s.db.View(func(tx *bolt.Tx) error {
		for _, id := range []ident{sumBad, hashesBad} {
			if tx.Bucket(bucketFile).Get(id.key()) != nil || tx.Bucket(bucketPieces).Get(id.key()) != nil {
				t.Errorf("%+v is still in the database", id)
			}
		}
		return nil
	})
}

// filled makes a database with n records and returns its path.
func filled(t testing.TB, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), storeName)
	s := testStore(t, path)
	for i := range n {
		s.put(ident{1, uint64(i), 1, 1}, testSummary(byte(i)), &hashes{})
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStoreSurvivesDamage(t *testing.T) {
	size := func(path string) int64 {
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return fi.Size()
	}
	garbage := func(path string, from, to int64) {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		b := make([]byte, to-from)
		r := rand.New(rand.NewPCG(5, 6))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if _, err := f.WriteAt(b, from); err != nil {
			t.Fatal(err)
		}
	}
	for name, spoil := range map[string]func(path string){
		"empty":          func(p string) { os.Truncate(p, 0) },
		"one byte":       func(p string) { os.Truncate(p, 1) },
		"a page":         func(p string) { os.Truncate(p, 4096) },
		"two pages":      func(p string) { os.Truncate(p, 8192) },
		"half":           func(p string) { os.Truncate(p, size(p)/2&^4095) },
		"metas garbage":  func(p string) { garbage(p, 0, 8192) },
		"rest garbage":   func(p string) { garbage(p, 8192, size(p)) },
		"some garbage":   func(p string) { garbage(p, size(p)/2, size(p)/2+50000) },
		"pages zero":     func(p string) { n := size(p); os.Truncate(p, 8192); os.Truncate(p, n) },
		"not a database": func(p string) { os.WriteFile(p, []byte(strings.Repeat("text\n", 5000)), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t, 1000)
			spoil(path)
			s := testStore(t, path)
			id := ident{7, 7, 7, 7}
			for i := range 1000 {
				find(s, ident{1, uint64(i), 1, 1}) // finds the damage, at the latest
				s.hashes(ident{1, uint64(i), 1, 1})
			}
			s.put(id, testSummary(1), &hashes{})
			s.settled(t)
			s.close()
			s = testStore(t, path)
			defer s.close()
			if _, ok := find(s, id); !ok {
				t.Error("what was put is not there")
			}
		})
	}
}

func TestStoreRefusesForeign(t *testing.T) {
	for name, c := range map[string]struct {
		make func(tx *bolt.Tx) error
		says string
	}{
		"another program": {func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("x")); return err }, "no hashes database"},
		"another version": {func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte("about"))
			return errors.Join(err, b.Put([]byte("format"), []byte("p2pfs hashes 2")))
		}, "another version"},
	} {
		path := filepath.Join(t.TempDir(), storeName)
		db, err := bolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(c.make), db.Close()); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		if _, err := openStore(storeConfig{path: path, log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want it to say %q", name, err, c.says)
		}
		if after, _ := os.ReadFile(path); string(after) != string(before) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestStoreCollects(t *testing.T) {
	s := testStore(t, filepath.Join(t.TempDir(), storeName))
	defer s.close()
	const n = 3 * sweepKeys
	id := func(i int) ident { return ident{1, uint64(i), 1, 1} }
	for i := range n {
		s.put(id(i), testSummary(1), &hashes{})
	}
	s.settled(t)
	live := func(keep func(i int) bool) map[ident]struct{} {
		m := map[ident]struct{}{}
		for i := range n {
			if keep(i) {
				m[id(i)] = struct{}{}
			}
		}
		return m
	}
	count := func() (have int) {
		for i := range n {
			if _, ok := find(s, id(i)); ok {
				have++
			}
		}
		return have
	}
	start := time.Unix(1e9, 0)
	for _, step := range []struct {
		after time.Duration
		keep  func(i int) bool
		want  int
	}{
		{0, func(i int) bool { return i%3 > 0 }, n},                               // a third goes
		{goneRetention - time.Hour, func(i int) bool { return i%3 > 0 }, n},       // not yet
		{goneRetention - 1, func(i int) bool { return i%6 > 0 }, n},               // half of them come back
		{goneRetention + time.Hour, func(i int) bool { return i%6 > 0 }, n - n/6}, // the others are collected
		{2 * goneRetention, func(i int) bool { return false }, n - n/6},           // the disk is away
		{3*goneRetention - time.Hour, func(i int) bool { return true }, n - n/6},  // and back in time
		{9 * goneRetention, func(i int) bool { return true }, n - n/6},
	} {
		if err := s.collect(live(step.keep), start.Add(step.after)); err != nil {
			t.Fatal(err)
		}
		if got := count(); got != step.want {
			t.Errorf("after %v: %d records, want %d", step.after, got, step.want)
		}
	}
}

func TestStoreRetriesWhenTheDiskRefuses(t *testing.T) {
	s := testStore(t, filepath.Join(t.TempDir(), storeName))
	s.db.Close() // every transaction fails from here on
	id := ident{1, 2, 3, 4}
	s.put(id, testSummary(1), randomHashes(rand.New(rand.NewPCG(1, 1)), 2, 2))
	<-s.notify
	if s.saved.Load() != 0 {
		t.Error("said to be saved")
	}
	s.put(id, testSummary(2), nil)
	if sum, ok := find(s, id); !ok || sum != testSummary(2) {
		t.Errorf("got %+v %v, want the last one put", sum, ok)
	}
	if h := s.hashes(id); h == nil || len(h.pieces) != 2 {
		t.Errorf("got %v, want the hashes that wait", h)
	}
	if err := s.db.Renew(); err != nil {
		t.Fatal(err)
	}
	s.poke()
	s.settled(t)
	s.recent = lru.New[ident, *hashes](0)
	if h := s.hashes(id); h == nil || len(h.pieces) != 2 {
		t.Errorf("got %v, want the hashes that were saved late", h)
	}
	if s.full() {
		t.Error("nothing waits, but it is full")
	}
	s.close()
}
