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
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"p2pfs/swarm/names"
	"p2pfs/swarm/share/ignore"
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
	deep := strings.TrimSuffix(strings.Repeat("d/", names.MaxDepth-1), "/")
	b.write(deep+"/file", []byte("x"))
	b.await(deep + "/file")
	b.write(deep+"/dir/file", []byte("x"))
	b.must(os.Symlink("x", b.path(deep+"/dir/link")))
	b.await(deep + "/dir")
	b.stats("skipped", func(st Stats) bool { return st.Skipped == 2 })
	for _, f := range b.Files() {
		if n := strings.Count(f.Path, "/") + 1; n > names.MaxDepth {
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
	b.write(IgnoreFile, []byte(strings.Repeat("#", ignore.MaxSize+1)))
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
	s.cfg.OnChange = func(Delta) {
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
	b.cfg.OnChange = func(Delta) { changed <- struct{}{} }
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
