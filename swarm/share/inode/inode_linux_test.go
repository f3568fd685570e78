package inode

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWritersSeesThem(t *testing.T) {
	for _, dir := range []string{t.TempDir(), "/dev/shm"} {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		f, err := os.CreateTemp(dir, "lease")
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(f.Name())
		r, err := os.Open(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if got := Writers(r); got != Busy {
			t.Errorf("%s: with a writer: got %d, want busy", dir, got)
		}
		f.Close()
		if got := Writers(r); got != Free {
			t.Errorf("%s: without: got %d, want free", dir, got)
		}
		w, err := os.OpenFile(f.Name(), os.O_WRONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Errorf("%s: a lease was left: %v", dir, err)
			continue
		}
		w.Close()
	}
}

// TestSyncFindsDisks flushes by whatever path is left on a filesystem.
func TestSyncFindsDisks(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := os.MkdirAll(filepath.Join(dir, "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := NewDisks(func(path string, flags int) (*os.File, error) { return root.OpenFile(path, flags, 0) })
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		t.Fatal(err)
	}
	d.See(st.Dev, func() string { return "a/b/gone" })
	if err := d.Sync(st.Dev); err != nil {
		t.Error(err)
	}
	if err := d.Sync(st.Dev + 77); !errors.Is(err, ErrNoDisk) {
		t.Errorf("got %v, want ErrNoDisk", err)
	}
	if Place(dir) != Place(filepath.Join(dir, "a")) || Place(dir) == "" {
		t.Errorf("places %q and %q", Place(dir), Place(filepath.Join(dir, "a")))
	}
}
