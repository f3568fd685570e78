package share

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"p2pfs/swarm/share/watch"
)

// box is a Share of a fresh directory, whose changes a test can wait for.
type box struct {
	*Share
	t        testing.TB
	dir      string
	state    string
	cfg      Config
	changes  chan struct{}
	walks    *atomic.Int64
	walked1  chan struct{}      // room for one
	overflow chan []watch.Event // what the watcher is made to say
}

func newBox(t testing.TB, change func(*Config)) *box {
	t.Helper()
	checkLeaks(t)
	b := &box{t: t, dir: t.TempDir(), state: t.TempDir(), walks: new(atomic.Int64), walked1: make(chan struct{}, 1), overflow: make(chan []watch.Event)}
	b.cfg = Config{Dir: b.dir, State: b.state}
	if change != nil {
		change(&b.cfg)
	}
	return b
}

func openBox(t testing.TB, change func(*Config)) *box {
	t.Helper()
	b := newBox(t, change)
	b.open()
	return b
}

func (b *box) open() {
	b.t.Helper()
	changes := make(chan struct{}, 1)
	b.changes = changes
	b.cfg.OnChange = func(Delta) {
		select {
		case changes <- struct{}{}:
		default:
		}
	}
	b.cfg.test.walked = func() {
		b.walks.Add(1)
		select {
		case b.walked1 <- struct{}{}:
		default:
		}
	}
	s, err := Open(context.Background(), b.cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Share = s
	b.t.Cleanup(func() { b.Close() })
	b.until("scanned", func() bool { return b.Stats().Scanned })
}

const patience = 20 * time.Second

// until waits for ok, which is asked after each change.
func (b *box) until(what string, ok func() bool) {
	b.t.Helper()
	limit := time.After(patience)
	for !ok() {
		select {
		case <-b.changes:
		case <-limit:
			b.t.Fatalf("%s: not in %v; stats %+v, files %v", what, patience, b.Stats(), b.paths())
		}
	}
}

// stats waits for a Stats that is ok. Stats change without a call of OnChange.
func (b *box) stats(what string, ok func(Stats) bool) {
	b.t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok(b.Stats()) {
		select {
		case <-tick.C:
		case <-limit:
			b.t.Fatalf("%s: not in %v: %+v", what, patience, b.Stats())
		}
	}
}

// saved waits until all results are on disk.
func (b *box) saved() {
	b.t.Helper()
	b.stats("saved", func(Stats) bool { return b.records.Saved() })
}

// still waits until nothing is waiting or queued.
func (b *box) still() {
	b.t.Helper()
	b.stats("still", func(st Stats) bool { return st.Scanned && st.Waiting+st.Queued == 0 })
}

func (b *box) paths() []string {
	var p []string
	files := b.Files()
	for _, f := range files[:min(len(files), 20)] { // for a message
		p = append(p, f.Path)
	}
	return p
}

func (b *box) file(path string) (File, bool) {
	return b.Find(path)
}

// await waits until path is published.
func (b *box) await(path string) File {
	b.t.Helper()
	b.until(path, func() bool { _, ok := b.file(path); return ok })
	f, _ := b.file(path)
	return f
}

func (b *box) write(path string, data []byte) {
	b.t.Helper()
	p := filepath.Join(b.dir, path)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(p, data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// gone waits until path is not published.
func (b *box) gone(path string) {
	b.t.Helper()
	b.until("no "+path, func() bool { _, ok := b.file(path); return !ok })
}

// reopen closes and opens again.
func (b *box) reopen() {
	b.t.Helper()
	if err := b.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.open()
}

func (b *box) path(path string) string { return filepath.Join(b.dir, path) }

// must fails the test if err is not nil.
func (b *box) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// read returns the contents by way of a Reader.
func (b *box) read(f File) ([]byte, error) {
	r, err := b.Reader(f.Content())
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
}

// holds checks that f's Reader gives data.
func (b *box) holds(f File, data []byte) {
	b.t.Helper()
	if got, err := b.read(f); err != nil || !bytes.Equal(got, data) {
		b.t.Errorf("%s: read %d bytes, %v; want the %d bytes written", f.Path, len(got), err, len(data))
	}
}

// random returns n bytes that no other call returns.
func random(n int) []byte {
	p := make([]byte, n)
	crand.Read(p)
	return p
}

// checkLeaks fails the test if, when all is closed, a goroutine of this
// package or a descriptor is left.
func checkLeaks(t testing.TB) {
	if _, twice := checked.LoadOrStore(t.Name(), true); twice {
		return
	}
	if r, w, err := os.Pipe(); err == nil { // the runtime's poller has its own
		r.Close()
		w.Close()
	}
	before := descriptors(t)
	t.Cleanup(func() {
		checked.Delete(t.Name())
		limit := time.Now().Add(5 * time.Second)
		for {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			var left []string
			for s := range strings.SplitSeq(string(stacks), "\n\n") {
				if strings.Contains(s, "swarm/share.(*") && !strings.Contains(s, "checkLeaks") {
					left = append(left, s)
				}
			}
			after := descriptors(t)
			if len(left) == 0 && after <= before {
				return
			}
			if time.Now().After(limit) {
				t.Errorf("left behind: %d descriptors (%d before), goroutines:\n%s", after, before, strings.Join(left, "\n\n"))
				return
			}
			runtime.Gosched()
		}
	})
}

var checked sync.Map // names of tests that check for leaks

func descriptors(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Logf("descriptors are not counted: %v", err)
		return 0
	}
	return len(entries)
}

// fast is timing for tests that wait for what takes long.
func fast(cfg *Config) {
	tm := defaultTiming()
	tm.Still, tm.rescan, tm.unseen, tm.missing, tm.again =
		100*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond, 20*time.Millisecond, 50*time.Millisecond
	cfg.test.timing = &tm
}
