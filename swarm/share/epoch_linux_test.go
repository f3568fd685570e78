package share

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

func TestNextRun(t *testing.T) {
	now := time.Unix(0, 1000)
	for name, c := range map[string]struct {
		last  run
		had   bool
		place string
		want  int64 // epoch
	}{
		"first":                    {run{}, false, "a", 1000},
		"clean":                    {run{5, true, "a"}, true, "a", 5},
		"clean, other boot":        {run{5, true, "a"}, true, "b", 5},
		"killed":                   {run{5, false, "a"}, true, "a", 5},
		"power cut":                {run{5, false, "a"}, true, "b", 1000},
		"power cut, clock is back": {run{5000, false, "a"}, true, "b", 5001},
		"killed, places unknown":   {run{5, false, ""}, true, "", 1000},
	} {
		got := c.last.next(c.had, c.place, now)
		if want := (run{c.want, false, c.place}); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
		got.clean = true
		if back, ok := decodeRun(got.encode()); !ok || back != got {
			t.Errorf("%s: %+v became %+v", name, got, back)
		}
	}
}

// TestPowerCut forges what a power cut does: other bytes under the size and
// times that were hashed. They are served to nobody, but where the run before
// ended well, in which case nothing was lost.
func TestPowerCut(t *testing.T) {
	b := newBox(t, fast)
	b.cfg.test.place = "boot 1"
	old, data := random(300<<10), random(300<<10)
	b.open()
	b.write("old", old)
	b.write("f", data)
	oldFile, f := b.await("old"), b.await("f")
	b.store.settled(t)
	killed := b.copyState()
	b.must(b.Close())

	b.state = killed
	b.cfg.State = killed
	b.cfg.test.place = "boot 2"
	forge(t, b, "f", make([]byte, len(data)))
	b.open()
	f2 := b.await("f")
	if got, err := b.read(f2); f2.Root == f.Root && (err == nil || len(got) > 0) {
		t.Fatalf("read %d bytes of zeros under the hash of others (%v)", len(got), err)
	}
	b.until("hashed again", func() bool { f2, ok := b.file("f"); return ok && f2.Root != f.Root })
	b.holds(b.await("old"), old)
	if n := b.Stats().Hashed; n != 1 {
		t.Errorf("%d files hashed again, want the one that was lost", n)
	}
	// What was found right is trusted from now on.
	b.reopen()
	e, _ := b.index.first(oldFile.Content())
	if _, m, err := b.openFile("old"); err != nil || e.ctime.Load() != m.ctime {
		t.Errorf("verified, but not remembered: %v", err)
	}
}

// copyState is the state directory as a kill would leave it.
func (b *box) copyState() string {
	b.t.Helper()
	dir := b.t.TempDir()
	data, err := os.ReadFile(filepath.Join(b.state, storeName))
	b.must(err)
	b.must(os.WriteFile(filepath.Join(dir, storeName), data, 0o600))
	return dir
}

// forge gives a file other bytes in a way that nothing tells: the record speaks
// of the times that it has then.
func forge(t *testing.T, b *box, name string, data []byte) {
	t.Helper()
	path := b.path(name)
	fi, err := os.Stat(path)
	b.must(err)
	b.must(overwrite(path, 0, data))
	b.must(os.Chtimes(path, time.Time{}, fi.ModTime()))
	var st unix.Stat_t
	b.must(unix.Stat(path, &st))
	s, err := openStore(storeConfig{path: filepath.Join(b.state, storeName), place: "boot 1", log: slog.New(slog.DiscardHandler)})
	b.must(err)
	m := metaOf(&st)
	sum, ok := find(s, m.ident)
	if !ok {
		t.Fatal("no record")
	}
	sum.ctime = m.ctime
	s.put(m.ident, sum, nil)
	s.settled(t)
	// As if killed: the run does not end well.
	close(s.stop)
	s.stopped.Wait()
	b.must(s.db.Close())
}

// TestKilledOnly ends without Close, but the machine goes on: nothing is lost,
// and nothing is verified.
func TestKilledOnly(t *testing.T) {
	b := newBox(t, fast)
	b.cfg.test.place = "boot 1"
	b.open()
	b.write("f", random(1<<20))
	f := b.await("f")
	b.store.settled(t)
	b.state = b.copyState()
	b.cfg.State = b.state
	b.must(b.Close())
	b.open()
	b.await("f")
	e, _ := b.index.first(f.Content())
	if e.ctime.Load() == doubted {
		t.Error("doubted")
	}
	if n := b.Stats().Hashed; n != 0 {
		t.Errorf("%d files hashed", n)
	}
}

// TestRecordWaitsForData publishes at once, and stores the record when the
// file's data is on disk.
func TestRecordWaitsForData(t *testing.T) {
	disk := make(chan error)
	var syncs atomic.Int64
	b := newBox(t, fast)
	b.cfg.test.sync = func(uint64) error { syncs.Add(1); return <-disk }
	b.open()
	data := random(100 << 10)
	b.write("f", data)
	f := b.await("f") // though the disk does not answer
	b.holds(f, data)
	b.stats("sync", func(Stats) bool { return syncs.Load() == 1 })
	if recorded(t, b.copyState()) {
		t.Error("recorded before the data was on disk")
	}
	disk <- nil
	b.store.settled(t)
	if !recorded(t, b.copyState()) {
		t.Error("not recorded")
	}
	b.write("g", data[1:])
	b.await("g")
	disk <- errors.New("cannot be written")
	close(disk)
	b.must(b.Close())
}

// recorded reports whether a state directory holds any record.
func recorded(t *testing.T, state string) bool {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(state, storeName))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), storeName)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s := testStore(t, path)
	defer s.close()
	live := 0
	s.view(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketFile).ForEach(func(_, _ []byte) error { live++; return nil })
	})
	return live > 0
}

// TestSyncFindsDisks flushes by whatever path is left on a filesystem.
func TestSyncFindsDisks(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := os.MkdirAll(filepath.Join(dir, "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := newDisks(func(path string, flags int) (*os.File, error) { return root.OpenFile(path, flags, 0) })
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	d.see(st.Dev, func() string { return "a/b/gone" })
	if err := d.sync(st.Dev); err != nil {
		t.Error(err)
	}
	if err := d.sync(st.Dev + 77); !errors.Is(err, errNoDisk) {
		t.Errorf("got %v, want errNoDisk", err)
	}
	if !bytes.Equal([]byte(placeOf(dir)), []byte(placeOf(filepath.Join(dir, "a")))) || placeOf(dir) == "" {
		t.Errorf("places %q and %q", placeOf(dir), placeOf(filepath.Join(dir, "a")))
	}
}

// TestVerify finds bytes that rotted where nothing tells, and leaves a file that
// is as it was alone.
func TestVerify(t *testing.T) {
	b := newBox(t, fast)
	b.cfg.test.place = "boot 1"
	b.open()
	good, bad := random(1<<20), random(1<<20)
	b.write("good", good)
	b.write("bad", bad)
	goodFile, badFile := b.await("good"), b.await("bad")
	b.store.settled(t)
	b.state = b.copyState()
	b.cfg.State = b.state
	b.must(b.Close())
	bad[700000] ^= 1
	forge(t, b, "bad", bad)
	b.open()
	b.await("bad")
	done := int64(0)
	count := func(n int64) { done += n }
	if err := b.Verify(context.Background(), goodFile, count); err != nil || done != 1<<20 {
		t.Errorf("good: %v, %d bytes", err, done)
	}
	if err := b.Verify(context.Background(), badFile, count); !errors.Is(err, ErrChanged) {
		t.Errorf("bad: got %v, want ErrChanged", err)
	}
	b.until("hashed again", func() bool { f, ok := b.file("bad"); return ok && f.Root != badFile.Root })
	b.holds(b.await("bad"), bad)
	if err := b.Verify(context.Background(), badFile, count); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not published: got %v", err)
	}
	if err := b.Verify(context.Background(), b.await("bad"), count); err != nil {
		t.Error(err)
	}
	if n := b.Stats().Hashed; n != 1 {
		t.Errorf("%d files hashed, want 1", n)
	}
}
