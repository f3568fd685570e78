//go:build linux

package fs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"p2pfs/fs/mounting"
)

// waitFor polls until ok, for at most d.
func waitFor(t *testing.T, what string, d time.Duration, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(d)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within %v: %s", d, what)
		}
	}
}

// A process blocked in a read gets its signal at once, however it reads, and
// also when the content that it waits for is deaf to its context.
func TestMountInterrupt(t *testing.T) {
	tree := newMem()
	tree.put("stuck", make([]byte, 1<<20)).block(0)
	defer tree.put("deaf", noise(1, 1<<20)).block(0)()
	tree.files["deaf"].deaf = true
	m := mount(t, tree)
	tests := []struct {
		file  string
		sig   syscall.Signal
		flags int
	}{
		{"stuck", syscall.SIGINT, 0},
		{"stuck", syscall.SIGINT, syscall.O_DIRECT},
		{"stuck", syscall.SIGTERM, 0},
		{"stuck", syscall.SIGKILL, 0},
		{"stuck", syscall.SIGKILL, syscall.O_DIRECT},
		{"deaf", syscall.SIGINT, 0},
		{"deaf", syscall.SIGKILL, 0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.file, tt.sig, tt.flags), func(t *testing.T) {
			asked := &tree.files[tt.file].asked
			before := asked.Load()
			p := spawn(t, fmt.Sprintf("read 8192 %d %s", tt.flags, filepath.Join(m.Dir(), tt.file)))
			waitFor(t, "the read arrives", time.Second, func() bool { return asked.Load() > before })
			start := time.Now()
			p.Process.Signal(tt.sig)
			st := p.ended(t, time.Second)
			if tt.sig == syscall.SIGINT && st.ExitStatus() != int(syscall.EINTR) {
				t.Errorf("ended with %v, want EINTR", st)
			}
			t.Logf("%v after %v", st, time.Since(start))
		})
	}
}

// A page fault on missing data ends with SIGKILL, and others do not wait for it.
func TestMountInterruptFault(t *testing.T) {
	tree := newMem()
	tree.put("stuck", make([]byte, 1<<20)).block(0)
	m := mount(t, tree)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		p := spawn(t, "map "+filepath.Join(m.Dir(), "stuck"))
		waitFor(t, "the fault arrives", time.Second, func() bool { return m.Stats().Waiting > 0 })
		p.Process.Signal(sig)
		p.ended(t, time.Second)
		waitFor(t, "no read left", time.Second, func() bool { return m.Stats().Waiting == 0 })
	}
}

// A read goes on in spite of signals that are not meant for it, and ends with
// one that is. The fault is that of a Go program, whose runtime signals its own
// threads all the time; without help it dies of SIGBUS.
func TestMountHarmlessSignals(t *testing.T) {
	for _, what := range []string{"alarm", "map"} {
		for _, kill := range []bool{false, true} {
			t.Run(fmt.Sprint(what, kill), func(t *testing.T) {
				tree := newMem()
				release := tree.put("slow", make([]byte, 1<<20)).block(0)
				m := mount(t, tree)
				p := spawn(t, what+" "+filepath.Join(m.Dir(), "slow"))
				waitFor(t, "the read arrives", time.Second, func() bool { return m.Stats().Waiting > 0 })
				waitFor(t, "time for signals", time.Second, elapsed(200*time.Millisecond))
				if m.Stats().Waiting == 0 {
					t.Error("the read did not go on")
				}
				if kill {
					p.Process.Signal(syscall.SIGTERM)
				} else {
					release()
				}
				st := p.ended(t, time.Second)
				if !kill && st.ExitStatus() != 0 {
					t.Errorf("ended with %v", st)
				}
			})
		}
	}
}

func elapsed(d time.Duration) func() bool {
	end := time.Now().Add(d)
	return func() bool { return time.Now().After(end) }
}

// cat, which does not know of us, dies of Ctrl-C.
func TestMountInterruptCat(t *testing.T) {
	tree := newMem()
	tree.put("stuck", make([]byte, 1<<20)).block(512 << 10)
	m := mount(t, tree)
	p := start(t, "cat", filepath.Join(m.Dir(), "stuck"))
	waitFor(t, "cat waits", time.Second, func() bool { return m.Stats().Waiting > 0 })
	p.Process.Signal(os.Interrupt)
	st := p.ended(t, time.Second)
	if !st.Signaled() || st.Signal() != syscall.SIGINT {
		t.Errorf("cat ended with %v", st)
	}
}

// stick starts n reads of the second half of a file, and waits until all are
// with us. They end when that is released, or in errors with the mount.
func stick(t *testing.T, m *Mountpoint, path string, n int, size int64) *sync.WaitGroup {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			fd, err := unix.Open(path, unix.O_RDONLY, 0)
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			defer unix.Close(fd)
			off := size/2 + size/2/int64(n)*int64(i)&^4095
			_, err = unix.Pread(fd, make([]byte, 100), off)
			if err != nil && m.server.ctx.Err() == nil {
				t.Errorf("read: %v", err)
			}
		})
	}
	waitFor(t, fmt.Sprintf("%d reads wait", n), 5*time.Second, func() bool { return m.Stats().Waiting >= int64(n) })
	return &wg
}

// Forty readers of missing data delay neither a reader of present data in the
// same file nor another file, ls, stat or df.
func TestMountManyBlocked(t *testing.T) {
	const size = 64 << 20
	data := noise(3, size)
	tree := newMem()
	tree.put("dir/other", data[:100_000])
	m := mount(t, tree)
	for _, n := range []int{40, 1000} {
		file := fmt.Sprint("f", n)
		slow := newFile(data)
		release := slow.block(size / 2)
		tree.set("dir/"+file, slow)
		path := filepath.Join(m.Dir(), "dir", file)
		wg := stick(t, m, path, n, size)
		steps := map[string]func() error{
			"same file": func() error {
				f, err := os.Open(path)
				if err != nil {
					return err
				}
				defer f.Close()
				_, err = f.ReadAt(make([]byte, 10), int64(n)<<14)
				return err
			},
			"other file": func() error { _, err := os.ReadFile(filepath.Join(m.Dir(), "dir/other")); return err },
			"ls":         func() error { _, err := os.ReadDir(filepath.Join(m.Dir(), "dir")); return err },
			"stat":       func() error { _, err := os.Stat(path); return err },
			"df":         func() error { var s unix.Statfs_t; return unix.Statfs(m.Dir(), &s) },
			"no file":    func() error { _, err := os.Stat(filepath.Join(m.Dir(), fmt.Sprint("none", n))); return absent(err) },
			"changes":    func() error { return seen(m, tree, fmt.Sprint("new", n)) },
		}
		for name, step := range steps {
			start := time.Now()
			if err := step(); err != nil {
				t.Errorf("%s beside %d blocked reads: %v", name, n, err)
			}
			timely(t, fmt.Sprintf("%s beside %d blocked reads", name, n), start)
		}
		release()
		wg.Wait()
	}
}

func absent(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("want ENOENT, got %w", err)
}

// seen looks for a file, publishes it and finds it.
func seen(m *Mountpoint, tree *mem, name string) error {
	p := filepath.Join(m.Dir(), "dir", name)
	if _, err := os.Stat(p); absent(err) != nil {
		return err
	}
	tree.put("dir/"+name, []byte(name))
	m.Changed("dir/"+name, ChangeEntry)
	_, err := os.Stat(p)
	return err
}

// Closing the mount fails what waits, at once, and leaves nothing behind.
func TestMountCloseBlocked(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		t.Run(fmt.Sprint("deaf ", deaf), func(t *testing.T) {
			const size = 1 << 20
			tree := newMem()
			release := tree.put("stuck", make([]byte, size)).block(0)
			tree.files["stuck"].deaf = deaf
			m := mount(t, tree)
			wg := stick(t, m, filepath.Join(m.Dir(), "stuck"), 10, size)
			time.AfterFunc(500*time.Millisecond, release)
			start := time.Now()
			if err := m.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			wg.Wait()
			if d := time.Since(start); d > soon {
				t.Errorf("took %v", d)
			}
			if _, ok, err := mounting.At(m.Dir()); ok || err != nil {
				t.Errorf("still mounted: %v, %v", ok, err)
			}
			if tree.opens != 0 {
				t.Errorf("%d contents not closed", tree.opens)
			}
			if err := m.Wait(); err != nil {
				t.Errorf("Wait: %v", err)
			}
		})
	}
}

// panicky is a tree with a bug.
type panicky struct{ *mem }

// panicky's contents have one too.
func (p panicky) Open(context.Context, string, [32]byte) (Content, error) { return bug{}, nil }

type bug struct{}

func (bug) ReadAt(context.Context, []byte, int64) (int, error) { panic("in ReadAt") }
func (bug) Close() error                                       { panic("in Close") }

func (p panicky) Lookup(ctx context.Context, path string) (Entry, error) {
	if path == "bug" {
		panic("no such luck")
	}
	return p.mem.Lookup(ctx, path)
}

func TestMountPanic(t *testing.T) {
	mountable(t)
	tree := newMem()
	tree.put("f", []byte("x"))
	var log strings.Builder
	m, err := Mount(Config{Dir: t.TempDir(), Tree: panicky{tree}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(filepath.Join(m.Dir(), "bug"))
	if !errors.Is(err, syscall.EIO) {
		t.Errorf("stat = %v, want EIO", err)
	}
	f, err := os.Open(filepath.Join(m.Dir(), "f"))
	if err != nil {
		t.Fatalf("after the panic: %v", err)
	}
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, syscall.EIO) {
		t.Errorf("read = %v, want EIO", err)
	}
	defer f.Close()
	if err := m.Close(); err != nil { // over the open file
		t.Error(err)
	}
	if n := m.Stats().Panics; n < 3 {
		t.Errorf("%d panics counted, want 3 or more", n)
	}
	for _, want := range []string{"no such luck", "in ReadAt", "in Close", "panicky"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q: %s", want, &log)
		}
	}
}

// PID tells a tree which process asks.
func TestMountPID(t *testing.T) {
	tree := &asked{mem: newMem(), pid: make(chan int, 10)}
	tree.put("f", []byte("x"))
	m := mount(t, tree)
	if err := exec.Command("true").Run(); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command("cat", filepath.Join(m.Dir(), "f"))
	if out, err := cmd.Output(); err != nil || string(out) != "x" {
		t.Fatalf("cat: %q, %v", out, err)
	}
	if got := <-tree.pid; got != cmd.Process.Pid {
		t.Errorf("PID = %d, want %d", got, cmd.Process.Pid)
	}
	if got := PID(t.Context()); got != 0 {
		t.Errorf("PID of no request = %d", got)
	}
}

type asked struct {
	*mem
	pid chan int
}

func (a *asked) Open(ctx context.Context, p string, content [32]byte) (Content, error) {
	a.pid <- PID(ctx)
	return a.mem.Open(ctx, p, content)
}
