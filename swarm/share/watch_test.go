package share

import (
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"p2pfs/swarm/share/watch"
)

// blind is a watcher that cannot watch more than some directories.
type blind struct {
	watcher
	left atomic.Int32
	fail error
}

func (w *blind) Add(dir *os.File) (int32, error) {
	if w.left.Add(-1) < 0 {
		return watch.None, w.fail
	}
	return w.watcher.Add(dir)
}

func TestWatchLimit(t *testing.T) {
	j := newJournal()
	w := &blind{fail: syscall.ENOSPC}
	b := openBox(t, func(c *Config) {
		fast(c)
		c.Log = slog.New(j)
		c.test.watcher = func() (watcher, error) {
			real, err := watch.New()
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
type script struct{ out chan []watch.Event }

func (w *script) Add(*os.File) (int32, error)  { return 1, nil }
func (w *script) Remove(int32)                 {}
func (w *script) Events() <-chan []watch.Event { return w.out }
func (w *script) Close()                       {}

func TestOverflowMeansRescan(t *testing.T) {
	w := &script{make(chan []watch.Event)}
	b := openBox(t, func(c *Config) { c.test.watcher = func() (watcher, error) { return w, nil } })
	b.write("a/b/c", []byte("x"))
	w.out <- []watch.Event{{What: watch.Lost}}
	b.await("a/b/c")
	b.must(os.RemoveAll(b.path("a")))
	w.out <- []watch.Event{{What: watch.Lost}, {Watch: 77, What: watch.Entry, Name: "unknown"}}
	b.gone("a")
	close(w.out) // the watcher breaks: no more than that
	b.still()
}
