package share

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// box is a Share of a fresh directory, whose changes a test can wait for.
type box struct {
	*Share
	t       testing.TB
	dir     string
	state   string
	cfg     Config
	changes chan struct{}
}

func newBox(t testing.TB, change func(*Config)) *box {
	t.Helper()
	b := &box{t: t, dir: t.TempDir(), state: t.TempDir()}
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
	b.cfg.OnChange = func() {
		select {
		case changes <- struct{}{}:
		default:
		}
	}
	s, err := Open(context.Background(), b.cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Share = s
	b.t.Cleanup(func() { s.Close() })
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

func (b *box) paths() []string {
	var p []string
	for _, f := range b.Files() {
		p = append(p, f.Path)
	}
	return p
}

func (b *box) file(path string) (File, bool) {
	for _, f := range b.Files() {
		if f.Path == path {
			return f, true
		}
	}
	return File{}, false
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

func TestPublish(t *testing.T) {
	b := openBox(t, nil)
	b.write("a/b.txt", []byte("hello"))
	start := time.Now()
	f := b.await("a/b.txt")
	t.Logf("published after %v", time.Since(start))
	if f.Size != 5 || f.Root.IsZero() || f.V1.IsZero() {
		t.Errorf("got %+v", f)
	}
	m, err := b.MetaInfo(f, V1)
	if err != nil || m.Info.HashV1 != f.V1 {
		t.Errorf("v1 torrent: %v %v", m, err)
	}
	r, err := b.Reader(f.Root)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 5)
	if n, err := r.ReadAt(p, 0); n != 5 || err != nil || string(p) != "hello" {
		t.Errorf("got %d %v %q", n, err, p)
	}
}
