package share

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
	"p2pfs/swarm/share/record"
)

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
	b.saved()
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
	e, _ := b.set.ByContent(oldFile.Content())
	if _, m, err := b.folder.open("old"); err != nil || e.CTime.Load() != m.CTime {
		t.Errorf("verified, but not remembered: %v", err)
	}
}

// copyState is the state directory as a kill would leave it.
func (b *box) copyState() string {
	b.t.Helper()
	dir := b.t.TempDir()
	data, err := os.ReadFile(filepath.Join(b.state, dbName))
	b.must(err)
	b.must(os.WriteFile(filepath.Join(dir, dbName), data, 0o600))
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
	db, err := record.OpenDB(filepath.Join(b.state, dbName), slog.New(slog.DiscardHandler))
	b.must(err)
	r, err := record.Open(record.Config{DB: db, Disks: testDisks{sync: func(uint64) error { return nil }, Disks: b.folder.disks}, Place: "boot 1", Log: slog.New(slog.DiscardHandler)})
	b.must(err)
	m := metaOf(t, path)
	sum, ok := r.Find(m.ID)
	if !ok {
		t.Fatal("no record")
	}
	sum.CTime = m.CTime
	r.Put(m.ID, sum, nil)
	b.stats("saved", func(Stats) bool { return r.Saved() })
	killed := b.copyState()
	r.Close()
	b.must(db.Close())
	b.state, b.cfg.State = killed, killed
}

func metaOf(t *testing.T, path string) inode.Meta {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := inode.Stat(f, path)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestKilledOnly ends without Close, but the machine goes on: nothing is lost,
// and nothing is verified.
func TestKilledOnly(t *testing.T) {
	b := newBox(t, fast)
	b.cfg.test.place = "boot 1"
	b.open()
	b.write("f", random(1<<20))
	f := b.await("f")
	b.saved()
	b.state = b.copyState()
	b.cfg.State = b.state
	b.must(b.Close())
	b.open()
	b.await("f")
	e, _ := b.set.ByContent(f.Content())
	if e.CTime.Load() == published.Doubted {
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
	b.saved()
	if !recorded(t, b.copyState()) {
		t.Error("not recorded")
	}
	b.write("g", data[1:])
	b.await("g")
	disk <- errors.New("cannot be written")
	close(disk)
	b.must(b.Close())
}

// TestHashingWaitsForTheDisk has more to record than may wait: hashing pauses,
// and goes on by itself when the disk has it.
func TestHashingWaitsForTheDisk(t *testing.T) {
	const n = 1000
	disk := make(chan struct{})
	b := newBox(t, nil)
	b.cfg.test.unsaved = 1000
	b.cfg.test.sync = func(uint64) error { <-disk; return nil }
	for i := range n {
		b.write(fmt.Sprint(i), fmt.Append(nil, "file ", i))
	}
	b.open()
	last, polls := 0, 0
	b.stats("paused", func(st Stats) bool {
		if st.Hashed != last || len(st.Hashing) > 0 || !b.records.Full() {
			last, polls = st.Hashed, 0
		}
		polls++
		return polls > 50
	})
	if st := b.Stats(); st.Queued < n/3 {
		t.Errorf("%d files are queued of %d", st.Queued, n)
	}
	close(disk)
	b.until("all", func() bool { return b.Stats().Files == n })
}

// recorded reports whether a state directory holds any record.
func recorded(t *testing.T, state string) bool {
	t.Helper()
	db, err := record.OpenDB(filepath.Join(state, dbName), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := 0
	db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("file")).ForEach(func(_, _ []byte) error { n++; return nil })
	})
	return n > 0
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
	b.saved()
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
