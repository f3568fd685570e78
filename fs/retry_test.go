//go:build linux

package fs

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f failures
		a, b := errors.New("a"), errors.New("b")
		want := func(off int64, err error) {
			t.Helper()
			if got := f.take(off); got != err {
				t.Errorf("take(%d) = %v, want %v", off, got, err)
			}
		}
		want(0, nil)
		f.add(100, 50, a)
		f.add(300, 50, b)
		want(99, nil)
		want(150, nil)
		want(349, b)
		want(349, nil) // once only
		want(100, a)
		f.add(100, 50, a)
		time.Sleep(retryWindow + 1)
		want(100, nil)
		for i := range int64(3 * maxFailures) {
			f.add(i*10, 10, a)
		}
		if len(f.list) != maxFailures {
			t.Errorf("%d failures kept, want %d", len(f.list), maxFailures)
		}
		want(0, nil)
		want(10*(3*maxFailures-1), a)
	})
}

// late fails every read after a while, as a read timeout does.
type late struct {
	err   error
	after time.Duration
	asked atomic.Int32
}

func (l *late) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	l.asked.Add(1)
	select {
	case <-time.After(l.after):
		return 0, l.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (l *late) Close() error { return nil }

func TestReadFailsOnce(t *testing.T) {
	bad := errors.New("no peer has it")
	tests := []struct {
		after     time.Duration
		interrupt bool
		asked     int32
	}{
		{time.Minute, false, 1},
		{time.Millisecond, false, 2}, // soon enough to ask again
		{time.Minute, true, 2},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			l := &late{err: bad, after: tt.after}
			h := &handle{content: l, size: 1 << 20}
			ctx, cancel := context.WithCancel(t.Context())
			if tt.interrupt {
				time.AfterFunc(time.Second, cancel)
			}
			h.read(ctx, make([]byte, 128<<10), 0)    // the kernel reads ahead
			h.read(t.Context(), make([]byte, 10), 0) // and asks once more
			cancel()
			if l.asked.Load() != tt.asked {
				t.Errorf("after %v, interrupted %v: asked %d times, want %d", tt.after, tt.interrupt, l.asked.Load(), tt.asked)
			}
		})
	}
}

// With a real kernel: one wait, one error. What the kernel reads ahead is given
// up before.
func TestMountReadFailsOnce(t *testing.T) {
	const wait = 2 * aheadPatience
	tree := &lateTree{mem: newMem(), late: &late{err: errors.New("no peer"), after: wait}}
	tree.put("f", make([]byte, 1<<20))
	m := mount(t, tree)
	fd, err := unix.Open(filepath.Join(m.Dir(), "f"), unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	start := time.Now()
	_, err = unix.Pread(fd, make([]byte, 100), 0)
	if d := time.Since(start); !errors.Is(err, syscall.EIO) || d < wait {
		t.Errorf("read = %v after %v, want EIO after %v", err, d, wait)
	}
	if n := tree.late.asked.Load(); n > 2 {
		t.Errorf("asked %d times, want once for what the kernel reads ahead and once for the page", n)
	}
}

type lateTree struct {
	*mem
	late *late
}

func (l *lateTree) Open(context.Context, string, [32]byte) (Content, error) { return l.late, nil }
