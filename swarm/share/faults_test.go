package share

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"p2pfs/swarm/metainfo"
)

// journal keeps log messages.
type journal struct {
	slog.Handler
	mu    sync.Mutex
	lines []string
}

func newJournal() *journal { return &journal{Handler: slog.DiscardHandler} }

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }

func (j *journal) Handle(_ context.Context, r slog.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	j.lines = append(j.lines, line)
	return nil
}

// count returns how many messages contain all of parts.
func (j *journal) count(parts ...string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
next:
	for _, line := range j.lines {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		n++
	}
	return n
}

func TestWriterDelaysPublication(t *testing.T) {
	b := openBox(t, nil)
	f, err := os.Create(b.path("slow"))
	b.must(err)
	for range 20 {
		_, err := f.Write(random(1000))
		b.must(err)
	}
	b.write("other", []byte("x"))
	b.await("other")
	b.stats("waiting", func(st Stats) bool { return st.Waiting == 1 })
	if _, ok := b.file("slow"); ok {
		t.Error("published while a writer has it open")
	}
	_, err = f.Write([]byte("end"))
	b.must(err)
	start := time.Now()
	b.must(f.Close())
	got := b.await("slow")
	t.Logf("published %v after the writer closed it", time.Since(start))
	if got.Size != 20003 || b.Stats().Hashed != 2 {
		t.Errorf("got %+v, hashed %d times", got, b.Stats().Hashed)
	}
}

func TestMappedWriterDelaysPublication(t *testing.T) {
	b := openBox(t, nil)
	f, err := os.Create(b.path("mapped"))
	b.must(err)
	b.must(f.Truncate(64 << 10))
	m, err := unix.Mmap(int(f.Fd()), 0, 64<<10, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	b.must(err)
	b.must(f.Close()) // the mapping stays
	b.write("other", []byte("x"))
	b.await("other")
	copy(m, "written after close")
	if _, ok := b.file("mapped"); ok {
		t.Error("published while it is mapped for writing")
	}
	b.must(unix.Munmap(m))
	got := b.await("mapped")
	data, err := os.ReadFile(b.path("mapped"))
	b.must(err)
	b.holds(got, data)
}

func TestWithoutLeases(t *testing.T) {
	var still time.Duration
	b := openBox(t, func(c *Config) {
		fast(c)
		c.test.writers = func(*os.File) leaseState { return leaseUnknown }
		still = c.test.timing.still
	})
	var data []byte
	var last time.Time
	for i := range 5 { // each write begins the wait anew
		data = random(100 + i)
		last = time.Now()
		b.write("f", data)
		b.must(os.Mkdir(b.path(fmt.Sprint("d", i)), 0o755))
		b.await(fmt.Sprint("d", i))
	}
	b.until("last version", func() bool { f, _ := b.file("f"); return f.Size == int64(len(data)) })
	if took := time.Since(last); took < still {
		t.Errorf("published after %v, want at least %v", took, still)
	}
	f, _ := b.file("f")
	b.holds(f, data)
}

func TestOldFilesNeedNoWaiting(t *testing.T) {
	tm := defaultTiming()
	tm.still = time.Hour
	tm.old = -time.Hour // everything is old
	b := openBox(t, func(c *Config) {
		c.test.timing = &tm
		c.test.writers = func(*os.File) leaseState { return leaseUnknown }
	})
	b.write("f", []byte("x"))
	b.await("f")
}

func TestChangingFileIsPublishedRarely(t *testing.T) {
	b := openBox(t, nil)
	var published []time.Time
	var last File
	for i := range 3 {
		b.write("f", fmt.Appendf(nil, "version %d", i))
		b.until("version", func() bool { f, ok := b.file("f"); return ok && f.Root != last.Root })
		last, _ = b.file("f")
		published = append(published, time.Now())
	}
	if gap := published[1].Sub(published[0]); gap > time.Second {
		t.Errorf("the first edit took %v", gap)
	}
	if gap := published[2].Sub(published[1]); gap < coolest-200*time.Millisecond {
		t.Errorf("the next edit was published after %v already", gap)
	}
}

// gate holds up hashing until it is opened.
type gate struct {
	begun chan *job
	open  func()
	held  atomic.Int32
	let   chan struct{}
}

func newGate() *gate {
	g := &gate{begun: make(chan *job, 100), let: make(chan struct{})}
	g.open = sync.OnceFunc(func() { close(g.let) })
	return g
}

// box is a box that hashes behind the gate.
func (g *gate) box(t *testing.T) *box {
	b := openBox(t, func(c *Config) { c.test.hash = g.hash })
	t.Cleanup(g.open)
	return b
}

func (g *gate) hash(f *os.File, j *job) (metainfo.FileHashes, error) {
	g.held.Add(1)
	g.begun <- j
	<-g.let
	return metainfo.HashFile(context.Background(), jobReader{f, j}, j.id.size, metainfo.PieceLength(j.id.size), j.done.Store)
}

func TestChangesWhileHashing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *box) error
		want   string // path that is published in the end; "" for none
		hashed int32
	}{
		"nothing": {func(*box) error { return nil }, "f", 1},
		"renamed": {func(b *box) error { return os.Rename(b.path("f"), b.path("g")) }, "g", 1},
		"moved down": {func(b *box) error {
			return errors.Join(os.MkdirAll(b.path("d/e"), 0o755), os.Rename(b.path("f"), b.path("d/e/g")))
		}, "d/e/g", 1},
		"removed":  {func(b *box) error { return os.Remove(b.path("f")) }, "", 1},
		"replaced": {func(b *box) error { b.write(".n", random(999)); return os.Rename(b.path(".n"), b.path("f")) }, "f", 2},
		"cut":      {func(b *box) error { return os.Truncate(b.path("f"), 100) }, "f", 2},
		"appended": {func(b *box) error { return os.WriteFile(b.path("f"), random(5000), 0o644) }, "f", 2},
		"linked":   {func(b *box) error { return os.Link(b.path("f"), b.path("g")) }, "g", 1},
		"overwritten": {func(b *box) error {
			f, err := os.OpenFile(b.path("f"), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("other"), 10)
			return errors.Join(err, f.Close())
		}, "f", 2},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate()
			b := g.box(t)
			b.write("f", random(2000))
			<-g.begun
			b.must(c.change(b))
			b.must(os.Mkdir(b.path("seen behind the change"), 0o755))
			b.await("seen behind the change")
			g.open()
			if c.want == "" {
				b.still()
				if _, ok := b.file("f"); ok {
					t.Error("a removed file was published")
				}
				return
			}
			f := b.await(c.want)
			data, err := os.ReadFile(b.path(c.want))
			b.must(err)
			b.holds(f, data)
			if got := g.held.Load(); got != c.hashed {
				t.Errorf("hashed %d times, want %d", got, c.hashed)
			}
		})
	}
}

func TestWriterComesWhileHashing(t *testing.T) {
	g := newGate()
	b := g.box(t)
	b.write("f", random(2000))
	<-g.begun
	w, err := os.OpenFile(b.path("f"), os.O_WRONLY, 0)
	b.must(err)
	g.open()
	b.stats("waiting", func(st Stats) bool { return st.Hashed == 1 && st.Waiting == 1 })
	if _, ok := b.file("f"); ok {
		t.Error("published while a writer has it open")
	}
	_, err = w.Write([]byte("new"))
	b.must(err)
	b.must(w.Close())
	f := b.await("f")
	data, err := os.ReadFile(b.path("f"))
	b.must(err)
	b.holds(f, data)
}

func TestBigFileHoldsUpNobody(t *testing.T) {
	b := openBox(t, nil)
	f, err := os.Create(b.path("huge"))
	b.must(err)
	b.must(f.Truncate(1 << 40)) // sparse: days of hashing
	b.must(f.Close())
	b.stats("hashing", func(st Stats) bool { return len(st.Hashing) == 1 })
	for i := range 20 {
		name := fmt.Sprint("small", i)
		b.write(name, random(1000))
		b.await(name)
	}
	var p Progress
	b.stats("progress", func(st Stats) bool {
		if len(st.Hashing) == 1 {
			p = st.Hashing[0]
		}
		return p.Done > 0
	})
	if p.Path != "huge" || p.Size != 1<<40 {
		t.Errorf("got %+v", p)
	}
	start := time.Now()
	b.must(b.Close())
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
}

func TestDroppedJobEndsSoon(t *testing.T) {
	b := openBox(t, nil)
	f, err := os.Create(b.path("huge"))
	b.must(err)
	b.must(f.Truncate(1 << 40))
	b.must(f.Close())
	b.stats("hashing", func(st Stats) bool { return len(st.Hashing) == 1 })
	b.must(os.Remove(b.path("huge")))
	b.write("big", random(bigFile+1)) // the same worker's
	b.await("big")
}

func TestOddities(t *testing.T) {
	j := newJournal()
	b := openBox(t, func(c *Config) { fast(c); c.Log = slog.New(j) })
	outside := t.TempDir()
	b.must(os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o644))
	b.must(os.MkdirAll(b.path("d"), 0o755))
	b.must(unix.Mkfifo(b.path("fifo"), 0o644))
	l, err := net.Listen("unix", b.path("socket"))
	b.must(err)
	defer l.Close()
	skipped := 2
	if unix.Mknod(b.path("device"), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 3))) == nil {
		skipped++
	}
	for name, target := range map[string]string{
		"abs": outside, "abs2": b.path("d"), "up": "../x", "d/up2": "../../x", "d/sneaky": "in/../../x",
	} {
		b.must(os.Symlink(target, b.path(name)))
		skipped++
	}
	b.write("bad\xffname", []byte("x"))
	skipped++
	for name, target := range map[string]string{"in": "d", "d/in2": "../in", "dangling": "nothing", "dot": "."} {
		b.must(os.Symlink(target, b.path(name)))
		if f := b.await(name); f.Kind != Symlink || f.Target != target {
			t.Errorf("got %+v, want a link to %q", f, target)
		}
	}
	for i, name := range []string{".hidden", "a~", "b.part", "c.tmp", "e.crdownload"} {
		b.write(name, []byte("x"))
		b.stats(name, func(st Stats) bool { return st.Ignored == i+1 })
	}
	b.write(".git/objects/x", []byte("x"))
	b.stats("all seen", func(st Stats) bool { return st.Ignored == 6 && st.Skipped == skipped })
	if st := b.Stats(); st.Links != 4 || st.Dirs != 1 {
		t.Errorf("got %+v", st)
	}
	for _, f := range b.Files() {
		if f.Kind == Regular {
			t.Errorf("published: %+v", f)
		}
	}
	for range 3 { // further looks say nothing further
		b.walked()
	}
	if n := j.count("not shared"); n != skipped {
		t.Errorf("%d warnings, want one for each of %d: %q", n, skipped, j.lines)
	}
	b.must(os.Remove(b.path("fifo")))
	b.write("fifo", []byte("a file now"))
	b.await("fifo")
	if st := b.Stats(); st.Skipped != skipped-1 {
		t.Errorf("%d skipped, want %d", st.Skipped, skipped-1)
	}
}

// walked waits until everything was looked at at least once more.
func (b *box) walked() {
	b.t.Helper()
	before := b.walks.Load()
	b.stats("rescan", func(Stats) bool { return b.walks.Load() >= before+2 })
}

func TestTooDeep(t *testing.T) {
	b := openBox(t, nil)
	deep := strings.TrimSuffix(strings.Repeat("d/", maxDepth-1), "/")
	b.write(deep+"/file", []byte("x"))
	b.await(deep + "/file")
	b.write(deep+"/dir/file", []byte("x"))
	b.must(os.Symlink("x", b.path(deep+"/dir/link")))
	b.await(deep + "/dir")
	b.stats("skipped", func(st Stats) bool { return st.Skipped == 2 })
	for _, f := range b.Files() {
		if n := strings.Count(f.Path, "/") + 1; n > maxDepth {
			t.Errorf("published at depth %d", n)
		}
	}
}

func TestIgnoreFileIsFollowed(t *testing.T) {
	b := openBox(t, nil)
	b.write("d/a.log", []byte("a"))
	b.write("d/keep.log", []byte("k"))
	b.write("d/e/b.log", []byte("b"))
	b.write(".config", []byte("c"))
	b.await("d/a.log")
	b.await("d/keep.log")
	b.await("d/e/b.log")
	b.write(IgnoreFile, []byte("*.log\n!keep.log\n!.config\n"))
	b.gone("d/a.log")
	b.gone("d/e/b.log")
	b.await(".config")
	b.await("d/keep.log")
	b.write("d/e/"+IgnoreFile, []byte("!*.log\n"))
	b.await("d/e/b.log")
	b.write(IgnoreFile, []byte("/d/e/\n"))
	b.gone("d/e/b.log")
	b.gone("d/e")
	b.gone(".config")
	b.await("d/a.log")
	b.must(os.Remove(b.path(IgnoreFile)))
	b.await("d/e/b.log")
	if st := b.Stats(); st.Hashed > 4 {
		t.Errorf("hashed %d files, want each once", st.Hashed)
	}
	b.write(IgnoreFile, []byte(strings.Repeat("#", maxIgnoreSize+1)))
	b.until("nothing: it is too long to be read", func() bool { return len(b.Files()) == 0 })
	b.must(os.Remove(b.path(IgnoreFile)))
	b.await("d/e/b.log")
}

// TestSwappedForALink replaces a directory by a link to one outside, over and
// over, while files in it are published. Nothing from outside may be.
func TestSwappedForALink(t *testing.T) {
	outside := t.TempDir()
	secret := []byte("secret, not to be shared")
	for i := range 20 {
		if err := os.WriteFile(filepath.Join(outside, fmt.Sprint("f", i)), secret, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b := openBox(t, fast)
	for round := range 20 {
		for i := range 20 {
			b.write(fmt.Sprint("d/f", i), fmt.Append(nil, "mine ", round))
		}
		b.must(os.Rename(b.path("d"), b.path("e")))
		b.must(os.Symlink(outside, b.path("d")))
		b.write("tick", random(3))
		b.await("e")
		for _, f := range b.Files() {
			if f.Kind == Regular && f.Size == int64(len(secret)) {
				t.Fatalf("published: %+v", f)
			}
		}
		b.must(os.Remove(b.path("d")))
		b.must(os.RemoveAll(b.path("e")))
		b.gone("e")
	}
}

// blind is a watcher that cannot watch more than some directories.
type blind struct {
	watcher
	left atomic.Int32
	fail error
}

func (w *blind) add(dir *os.File) (int32, error) {
	if w.left.Add(-1) < 0 {
		return noWatch, w.fail
	}
	return w.watcher.add(dir)
}

func TestWatchLimit(t *testing.T) {
	j := newJournal()
	w := &blind{fail: syscall.ENOSPC}
	b := openBox(t, func(c *Config) {
		fast(c)
		c.Log = slog.New(j)
		c.test.watcher = func() (watcher, error) {
			real, err := newWatcher()
			w.watcher = real
			w.left.Store(2)
			return w, err
		}
	})
	for i := range 5 {
		b.write(fmt.Sprintf("d%d/e/f", i), fmt.Append(nil, i))
	}
	for i := range 5 {
		b.await(fmt.Sprintf("d%d/e/f", i))
	}
	if st := b.Stats(); st.Unwatched != 9 {
		t.Errorf("%d directories unwatched, want 9 of 11", st.Unwatched)
	}
	b.write("d3/e/f", []byte("changed"))
	b.until("changed", func() bool { f, _ := b.file("d3/e/f"); return f.Size == 7 })
	b.must(os.RemoveAll(b.path("d4")))
	b.gone("d4/e/f")
	if n := j.count("cannot be watched"); n != 1 {
		t.Errorf("%d warnings, want one", n)
	}
	w.left.Store(100) // the limit was raised
	b.stats("all watched", func(st Stats) bool { return st.Unwatched == 0 })
}

func TestNoWatcher(t *testing.T) {
	b := openBox(t, func(c *Config) {
		fast(c)
		c.test.watcher = func() (watcher, error) { return nil, syscall.EMFILE }
	})
	b.write("a/b", []byte("x"))
	f := b.await("a/b")
	b.must(os.Rename(b.path("a"), b.path("c")))
	if g := b.await("c/b"); g.Root != f.Root || b.Stats().Hashed != 1 {
		t.Errorf("got %+v after %+v, hashed %d", g, f, b.Stats().Hashed)
	}
}

// script is a watcher whose events a test makes.
type script struct{ out chan []event }

func (w *script) add(*os.File) (int32, error) { return 1, nil }
func (w *script) remove(int32)                {}
func (w *script) events() <-chan []event      { return w.out }
func (w *script) close()                      {}

func TestOverflowMeansRescan(t *testing.T) {
	w := &script{make(chan []event)}
	b := openBox(t, func(c *Config) { c.test.watcher = func() (watcher, error) { return w, nil } })
	b.write("a/b/c", []byte("x"))
	w.out <- []event{{what: evOverflow}}
	b.await("a/b/c")
	b.must(os.RemoveAll(b.path("a")))
	w.out <- []event{{what: evOverflow}, {wd: 77, what: evName, name: "unknown"}}
	b.gone("a")
	close(w.out) // the watcher breaks: no more than that
	b.still()
}

func TestShareDirectoryComesAndGoes(t *testing.T) {
	j := newJournal()
	parent := t.TempDir()
	b := newBox(t, func(c *Config) { fast(c); c.Log = slog.New(j) })
	b.dir = filepath.Join(parent, "not/yet/there")
	b.cfg.Dir = b.dir
	b.open() // makes it
	for i := range 3 {
		b.write("d/f", fmt.Append(nil, i))
		b.until("f", func() bool { f, _ := b.file("d/f"); return !f.Root.IsZero() })
		b.must(os.Rename(b.dir, filepath.Join(parent, fmt.Sprint("away", i))))
		b.until("nothing", func() bool { return len(b.Files()) == 0 })
		b.walked()
	}
	if n := j.count("is missing"); n != 3 {
		t.Errorf("%d warnings, want one each time", n)
	}
	b.must(os.Rename(filepath.Join(parent, "away1"), b.dir))
	b.await("d/f")
	if n := b.Stats().Hashed; n != 3 {
		t.Errorf("hashed %d times, want 3", n)
	}
	other := filepath.Join(parent, "other")
	b.must(os.MkdirAll(other, 0o755))
	b.must(os.WriteFile(filepath.Join(other, "new"), []byte("n"), 0o644))
	b.must(os.Rename(b.dir, filepath.Join(parent, "old")))
	b.must(os.Rename(other, b.dir)) // at once
	b.await("new")
	b.gone("d/f")
	b.write("sub/x", []byte("watched as well"))
	b.await("sub/x")
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{
		"no directories":   {},
		"no state":         {Dir: dir},
		"no share":         {State: dir},
		"the same":         {Dir: dir, State: dir},
		"state inside":     {Dir: dir, State: filepath.Join(dir, "state")},
		"share inside":     {Dir: filepath.Join(dir, "share"), State: dir},
		"inside by a link": {Dir: dir, State: filepath.Join(link, "state")},
		"a file":           {Dir: file, State: t.TempDir()},
		"state in a file":  {Dir: t.TempDir(), State: filepath.Join(file, "x")},
	} {
		if s, err := Open(context.Background(), c); err == nil {
			s.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTwoOnOneState(t *testing.T) {
	b := openBox(t, nil)
	cfg := Config{Dir: t.TempDir(), State: b.state}
	if _, err := Open(context.Background(), cfg); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "another p2pfs") {
		t.Errorf("got %v", err)
	}
	b.must(b.Close())
	s, err := Open(context.Background(), cfg)
	b.must(err)
	b.must(s.Close())
}

func TestOnChangeIsPaced(t *testing.T) {
	var mu sync.Mutex
	var calls []time.Time
	running := false
	s := newBox(t, nil)
	s.cfg.OnChange = func() {
		mu.Lock()
		if running {
			t.Error("called twice at once")
		}
		running = true
		calls = append(calls, time.Now())
		mu.Unlock()
		mu.Lock()
		running = false
		mu.Unlock()
	}
	share, err := Open(context.Background(), s.cfg)
	s.must(err)
	s.Share = share
	defer share.Close()
	limit := time.Now().Add(patience)
	for i := 0; s.Stats().Files < 300; i++ {
		if i < 300 {
			s.write(fmt.Sprint(i), random(10))
		}
		if time.Now().After(limit) {
			t.Fatal("not all published")
		}
	}
	s.must(share.Close())
	if len(calls) < 2 {
		t.Fatalf("%d calls", len(calls))
	}
	took := calls[len(calls)-1].Sub(calls[0])
	if most := 2 + int(took/(45*time.Millisecond)); len(calls) > most {
		t.Errorf("%d calls in %v, want at most %d", len(calls), took, most)
	}
}

func TestContextEnds(t *testing.T) {
	b := newBox(t, nil)
	b.write("f", []byte("x"))
	ctx, cancel := context.WithCancel(context.Background())
	changed := make(chan struct{}, 100)
	b.cfg.OnChange = func() { changed <- struct{}{} }
	s, err := Open(ctx, b.cfg)
	b.must(err)
	b.Share, b.changes = s, changed
	f := b.await("f")
	cancel()
	b.holds(f, []byte("x"))
	b.must(s.Close())
	b.must(s.Close())
	if _, err := b.read(f); !errors.Is(err, ErrClosed) {
		t.Errorf("read after Close: %v", err)
	}
}
