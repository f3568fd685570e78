//go:build linux

package fs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"p2pfs/fs/mounting"
)

// Unmount from outside, as `p2pfs umount` does.
func TestUnmount(t *testing.T) {
	dir := temp(t)
	for _, force := range []bool{false, true} {
		if err := mounting.Unmount(dir, force); !errors.Is(err, mounting.ErrNotMounted) {
			t.Errorf("Unmount of nothing, force %v: %v", force, err)
		}
		if err := mounting.Unmount("/proc", force); !errors.Is(err, mounting.ErrNotMounted) {
			t.Errorf("Unmount of another filesystem, force %v: %v", force, err)
		}
	}

	p := spawn(t, "mount "+dir)
	if err := mounting.Unmount(dir, false); err != nil {
		t.Fatal(err)
	}
	if n := countMounts(t, dir); n != 0 {
		t.Errorf("%d mounts left", n)
	}
	_ = p

	m, err := Mount(Config{Dir: dir, Tree: newMem()})
	if err != nil {
		t.Fatal(err)
	}
	if err := mounting.Unmount(dir, false); err != nil {
		t.Fatal(err)
	}
	waitClosed(t, m)
	if err := m.Close(); err != nil {
		t.Errorf("Close after Unmount: %v", err)
	}
}

func waitClosed(t *testing.T, m *Mountpoint) {
	t.Helper()
	done := make(chan struct{})
	go func() { m.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("Wait does not return")
	}
}

// What is in use is refused without force and taken away with it, and the
// serving process ends its part of it.
func TestUnmountBusy(t *testing.T) {
	dir := temp(t)
	if os.Geteuid() != 0 && !fusectl(t) {
		t.Skip("only root can abort a connection where fusectl is not mounted")
	}
	tree := newMem()
	tree.put("stuck", make([]byte, 1<<20)).block(0)
	m, err := Mount(Config{Dir: dir, Tree: tree})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	reader := spawn(t, "read 0 0 "+filepath.Join(dir, "stuck"))
	waitFor(t, "the read arrives", 5*time.Second, func() bool { return m.Stats().Waiting > 0 })
	if err := mounting.Unmount(dir, false); !errors.Is(err, mounting.ErrBusy) {
		t.Fatalf("Unmount = %v, want ErrBusy", err)
	}
	if err := mounting.Unmount(dir, true); err != nil {
		t.Fatal(err)
	}
	if st := reader.ended(t, time.Second); st.ExitStatus() == 0 {
		t.Error("the blocked read succeeded")
	}
	waitClosed(t, m)
	if tree.opens != 0 {
		t.Errorf("%d contents not closed", tree.opens)
	}
}

// Close over open files and a working directory: detached after the grace, with
// no goroutine left; a second Close does nothing.
func TestCloseBusy(t *testing.T) {
	base := runtime.NumGoroutine()
	tree := newMem()
	tree.put("d/f", noise(1, 1<<20))
	dir := temp(t)
	m, err := Mount(Config{Dir: dir, Tree: tree, Grace: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "d/f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	defer stand(t, filepath.Join(dir, "d"))()
	start := time.Now()
	if err := m.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if d := time.Since(start); d < 100*time.Millisecond || d > soon {
		t.Errorf("Close took %v", d)
	}
	if n := countMounts(t, dir); n != 0 {
		t.Errorf("%d mounts left", n)
	}
	if _, err := f.ReadAt(make([]byte, 10), 900_000); err == nil {
		t.Error("a file of the detached mount still reads")
	}
	if err := m.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	waitFor(t, "no goroutine left", time.Second, func() bool { return runtime.NumGoroutine() <= base })
}

// Close while changes pour in, and Changed after it, do no harm.
func TestCloseWhileChanging(t *testing.T) {
	tree := newMem()
	for i := range 100 {
		tree.put(fmt.Sprint("f", i), nil)
	}
	m := mount(t, tree)
	stop := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				m.Changed(fmt.Sprint("f", i%100), ChangeKind(i%3))
			}
		}
	}()
	for i := range 100 {
		os.Stat(filepath.Join(m.Dir(), fmt.Sprint("f", i)))
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	close(stop)
	m.Changed("f1", ChangeTree)
}

// If another filesystem covers the mount point meanwhile, Close does not take
// that away.
func TestCloseLeavesOthers(t *testing.T) {
	dir := temp(t)
	m, err := Mount(Config{Dir: dir, Tree: newMem()})
	if err != nil {
		t.Fatal(err)
	}
	if err := mounting.Unmount(dir, false); err != nil {
		t.Fatal(err)
	}
	waitClosed(t, m)
	other, err := Mount(Config{Dir: dir, Tree: newMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := m.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := os.ReadDir(dir); err != nil || countMounts(t, dir) != 1 {
		t.Errorf("the other mount is gone: %v", err)
	}
}
