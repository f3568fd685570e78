//go:build linux

package fs

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/fs/mounting"
)

// limit is how long anything here may take; a mount that hangs must not hang
// the tests.
const limit = 30 * time.Second

// mountable skips the test where nothing can be mounted, unless CI is set.
func mountable(t testing.TB) {
	t.Helper()
	if err := mounting.Able(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI is set, so this test must run: %v", err)
		}
		t.Skipf("cannot mount: %v", err)
	}
}

// mount mounts tree on a directory of the test's own, and unmounts it at the
// end, also of a test that hangs or fails.
func mount(t testing.TB, tree Tree) *Mountpoint {
	t.Helper()
	mountable(t)
	dir := filepath.Join(t.TempDir(), "mnt")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m, err := Mount(Config{Dir: dir, Tree: tree, Grace: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(limit, func() {
		t.Errorf("not done after %v: unmounting under the test", limit)
		m.Close()
	})
	if _, ok := t.(*testing.B); ok {
		watchdog.Stop() // as long as the caller likes
	}
	t.Cleanup(func() {
		watchdog.Stop()
		if err := m.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if _, ok, _ := mounting.At(dir); ok {
			t.Errorf("%s is still mounted", dir)
		}
	})
	return m
}

func TestMountReads(t *testing.T) {
	tree := newMem()
	data := bytes.Repeat([]byte("swarm "), 1<<16)
	tree.put("a/b/file", data)
	m := mount(t, tree)
	got, err := os.ReadFile(filepath.Join(m.Dir(), "a/b/file"))
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("read %d bytes, %v, want %d", len(got), err, len(data))
	}
	l, err := os.ReadDir(filepath.Join(m.Dir(), "a"))
	if err != nil || len(l) != 1 || l[0].Name() != "b" || !l[0].IsDir() {
		t.Errorf("ReadDir = %v, %v", l, err)
	}
}
