package record

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

	"p2pfs/swarm/kv"
	"p2pfs/swarm/lru"
	"p2pfs/swarm/share/inode"
)

const patience = 20 * time.Second

// noDisks are filesystems whose data is always on disk.
type noDisks struct{}

func (noDisks) Sync(uint64) error { return nil }
func (noDisks) All() []uint64     { return nil }

// opened is a Store with a database of its own.
type opened struct {
	*Store
	t testing.TB
}

func testStore(t testing.TB, path string) *opened {
	t.Helper()
	return logged(t, path, slog.New(slog.DiscardHandler))
}

func logged(t testing.TB, path string, log *slog.Logger) *opened {
	t.Helper()
	db, err := OpenDB(path, log)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(Config{DB: db, Disks: noDisks{}, Place: "here", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return &opened{s, t}
}

func (s *opened) close() {
	s.t.Helper()
	s.Close()
	if err := s.DB.Close(); err != nil {
		s.t.Error(err)
	}
}

// settled waits until all that was put is on disk.
func (s *opened) settled() {
	s.t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !s.Saved() {
		select {
		case <-tick.C:
		case <-limit:
			s.t.Fatal("nothing was saved")
		}
	}
}

// forget has what was used last read from the database again.
func (s *opened) forget() { s.behind.recent = lru.New[inode.ID, *Hashes](0) }

func TestStoreKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hashes.db")
	s := testStore(t, path)
	r := rand.New(rand.NewPCG(3, 4))
	want := map[inode.ID]*Hashes{}
	for i := range 300 {
		id := fileID(1, uint64(i), int64(i), 5)
		want[id] = randomHashes(r, 1+i%7, i%7)
		s.Put(id, testSummary(byte(i)), want[id])
	}
	check := func(when string) {
		t.Helper()
		for id, h := range want {
			if sum, ok := s.Find(id); !ok || sum != testSummary(byte(id.Ino)) {
				t.Fatalf("%s: Summary of %+v: got %+v %v", when, id, sum, ok)
			}
			if got := s.Hashes(id); got == nil || !reflect.DeepEqual(got.Pieces, h.Pieces) || len(got.Layer) != len(h.Layer) {
				t.Fatalf("%s: hashes of %+v: got %+v, want %+v", when, id, got, h)
			}
		}
		if _, ok := s.Find(fileID(9, 9, 9, 9)); ok {
			t.Errorf("%s: found what was never put", when)
		}
	}
	check("at once")
	s.settled()
	s.forget()
	check("saved")
	s.close()
	s = testStore(t, path)
	defer s.close()
	check("opened again")
	for id := range want {
		s.Put(id, testSummary(byte(id.Ino)), nil) // leaves the hashes
	}
	check("summaries put again")
	s.settled()
	check("and saved")
}

func TestStoreClosesWithWhatWasPut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hashes.db")
	s := testStore(t, path)
	id := fileID(1, 2, 3, 4)
	s.Put(id, testSummary(1), &Hashes{})
	s.close()
	s = testStore(t, path)
	defer s.close()
	if _, ok := s.Find(id); !ok {
		t.Error("lost")
	}
}

func TestStoreReplacesVersionsOfAnInode(t *testing.T) {
	s := testStore(t, filepath.Join(t.TempDir(), "hashes.db"))
	defer s.close()
	a, b, other := fileID(1, 2, 3, 4), fileID(1, 2, 5, 6), fileID(1, 3, 3, 4)
	for _, id := range []inode.ID{a, other, b} {
		s.Put(id, testSummary(1), &Hashes{})
		s.settled()
	}
	for id, want := range map[inode.ID]bool{a: false, b: true, other: true} {
		if _, ok := s.Find(id); ok != want {
			t.Errorf("%+v: found %v, want %v", id, ok, want)
		}
	}
	s.forget()
	if s.Hashes(a) != nil {
		t.Error("hashes of the old version are still there")
	}
	s.Drop(b)
	if _, ok := s.Find(b); ok || s.Hashes(b) != nil {
		t.Error("dropped, but found")
	}
	s.settled()
	if _, ok := s.Find(b); ok || s.Hashes(b) != nil {
		t.Error("dropped and saved, but found")
	}
}

// TestStoreKnowsADeviceByAnotherNumber: what a filesystem is numbered changes
// with each mount of some.
func TestStoreKnowsADeviceByAnotherNumber(t *testing.T) {
	s := testStore(t, filepath.Join(t.TempDir(), "hashes.db"))
	defer s.close()
	before := inode.ID{Dev: 40, Ino: 2, Size: 3, MTime: 4}
	sum := testSummary(8)
	h := randomHashes(rand.New(rand.NewPCG(1, 1)), 3, 3)
	h.Root = sum.Root
	s.Put(before, sum, h)
	s.Put(inode.ID{Dev: 39, Ino: 2, Size: 3, MTime: 4}, testSummary(9), &Hashes{}) // a file of another filesystem
	s.settled()
	now := inode.Meta{ID: inode.ID{Dev: 41, Ino: 2, Size: 3, MTime: 4}, CTime: sum.CTime}
	ask := func(m inode.Meta) (got Summary, ok bool) {
		s.Lookup([]inode.Meta{m}, func(_ int, sum Summary) { got, ok = sum, true })
		return got, ok
	}
	for name, m := range map[string]inode.Meta{
		"other ctime": {ID: now.ID, CTime: now.CTime + 100},
		"other size":  {ID: inode.ID{Dev: 41, Ino: 2, Size: 4, MTime: 4}, CTime: now.CTime},
		"other time":  {ID: inode.ID{Dev: 41, Ino: 2, Size: 3, MTime: 5}, CTime: now.CTime},
		"other inode": {ID: inode.ID{Dev: 41, Ino: 3, Size: 3, MTime: 4}, CTime: now.CTime},
	} {
		if got, ok := ask(m); ok {
			t.Errorf("%s: found %+v", name, got)
		}
	}
	for range 2 {
		if got, ok := ask(now); !ok || got != sum {
			t.Errorf("got %+v %v, want %+v", got, ok, sum)
		}
		if h := s.Hashes(now.ID); h == nil || len(h.Pieces) != 3 {
			t.Errorf("hashes: %+v", h)
		}
		s.settled()
	}
	if _, ok := s.Find(before); !ok {
		t.Error("the record it was taken from is gone")
	}
}

func TestStoreIsForOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hashes.db")
	s := testStore(t, path)
	defer s.close()
	if _, err := OpenDB(path, slog.New(slog.DiscardHandler)); !errors.Is(err, kv.ErrLocked) {
		t.Errorf("got %v, want kv.ErrLocked", err)
	}
}

func TestStoreDropsDamagedRecords(t *testing.T) {
	s := testStore(t, filepath.Join(t.TempDir(), "hashes.db"))
	defer s.close()
	sumBad, hashesBad := fileID(1, 1, 1, 1), fileID(1, 2, 1, 1)
	s.Put(sumBad, testSummary(1), &Hashes{})
	s.Put(hashesBad, testSummary(2), &Hashes{})
	s.settled()
	s.forget()
	err := s.DB.Update(func(tx *bolt.Tx) error {
		spoil := func(bucket []byte, id inode.ID) error {
			v := append([]byte(nil), tx.Bucket(bucket).Get(keyOf(id))...)
			v[3] ^= 1
			return tx.Bucket(bucket).Put(keyOf(id), v)
		}
		return errors.Join(spoil(bucketFile, sumBad), spoil(bucketPieces, hashesBad))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Find(sumBad); ok {
		t.Error("a damaged Summary was taken")
	}
	if s.Hashes(hashesBad) != nil {
		t.Error("damaged hashes were taken")
	}
	s.settled()
	s.DB.View(func(tx *bolt.Tx) error {
		for _, id := range []inode.ID{sumBad, hashesBad} {
			if tx.Bucket(bucketFile).Get(keyOf(id)) != nil || tx.Bucket(bucketPieces).Get(keyOf(id)) != nil {
				t.Errorf("%+v is still in the database", id)
			}
		}
		return nil
	})
}

// filled makes a database with n records and returns its path.
func filled(t testing.TB, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hashes.db")
	s := testStore(t, path)
	for i := range n {
		s.Put(fileID(1, uint64(i), 1, 1), testSummary(byte(i)), &Hashes{})
	}
	s.close()
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
			id := fileID(7, 7, 7, 7)
			for i := range 1000 {
				s.Find(fileID(1, uint64(i), 1, 1)) // finds the damage, at the latest
				s.Hashes(fileID(1, uint64(i), 1, 1))
			}
			s.Put(id, testSummary(1), &Hashes{})
			s.settled()
			s.close()
			s = testStore(t, path)
			defer s.close()
			if _, ok := s.Find(id); !ok {
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
		path := filepath.Join(t.TempDir(), "hashes.db")
		db, err := bolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(c.make), db.Close()); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		if _, err := OpenDB(path, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want it to say %q", name, err, c.says)
		}
		if after, _ := os.ReadFile(path); string(after) != string(before) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestStoreCollects(t *testing.T) {
	s := testStore(t, filepath.Join(t.TempDir(), "hashes.db"))
	defer s.close()
	const n = 3 * sweepKeys
	id := func(i int) inode.ID { return fileID(1, uint64(i), 1, 1) }
	for i := range n {
		s.Put(id(i), testSummary(1), &Hashes{})
	}
	s.settled()
	live := func(keep func(i int) bool) map[inode.ID]struct{} {
		m := map[inode.ID]struct{}{}
		for i := range n {
			if keep(i) {
				m[id(i)] = struct{}{}
			}
		}
		return m
	}
	count := func() (have int) {
		for i := range n {
			if _, ok := s.Find(id(i)); ok {
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
	var said strings.Builder
	refused := make(chan struct{}, 1)
	s := logged(t, filepath.Join(t.TempDir(), "hashes.db"), slog.New(slog.NewTextHandler(writer(func(p []byte) {
		said.Write(p)
		refused <- struct{}{}
	}), nil)))
	s.DB.Close() // every transaction fails from here on
	id := fileID(1, 2, 3, 4)
	s.Put(id, testSummary(1), randomHashes(rand.New(rand.NewPCG(1, 1)), 2, 2))
	<-refused
	if s.Saved() || !strings.Contains(said.String(), "cannot be written") {
		t.Errorf("saved %v, said %q", s.Saved(), said.String())
	}
	s.Put(id, testSummary(2), nil)
	if sum, ok := s.Find(id); !ok || sum != testSummary(2) {
		t.Errorf("got %+v %v, want the last one put", sum, ok)
	}
	if h := s.Hashes(id); h == nil || len(h.Pieces) != 2 {
		t.Errorf("got %v, want the hashes that wait", h)
	}
	if err := s.DB.Renew(); err != nil {
		t.Fatal(err)
	}
	s.wakeUp()
	s.settled()
	s.forget()
	if h := s.Hashes(id); h == nil || len(h.Pieces) != 2 {
		t.Errorf("got %v, want the hashes that were saved late", h)
	}
	if s.Full() {
		t.Error("nothing waits, but it is full")
	}
	s.close()
}

// writer is an io.Writer that hands on what is written.
type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }
