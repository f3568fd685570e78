//go:build linux

package fs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A change is seen within 100 ms, mostly within one; on a machine with other
// work no test can insist on that, so it fails beyond soon and says so before.
const (
	prompt = 100 * time.Millisecond
	soon   = 10 * time.Second
)

// timely logs what took longer than it should, from start on.
func timely(t *testing.T, what string, start time.Time) {
	t.Helper()
	switch d := time.Since(start); {
	case d > soon:
		t.Errorf("%s took %v", what, d)
	case d > prompt:
		t.Logf("slow: %s took %v, want %v", what, d, prompt)
	}
}

// becomes waits until path reads as want; "" means that it does not exist.
func becomes(t *testing.T, path, want string) {
	t.Helper()
	what := fmt.Sprintf("%s reads %q", path, want)
	defer timely(t, what, time.Now())
	waitFor(t, what, soon, func() bool {
		got, err := os.ReadFile(path)
		if want == "" {
			return errors.Is(err, os.ErrNotExist)
		}
		return err == nil && string(got) == want
	})
}

// Whatever changes in the tree is seen at once, without an hour's wait for
// the kernel's memory to grow old.
func TestMountChanges(t *testing.T) {
	tree := newMem()
	tree.put("dir/file", []byte("one"))
	m := mount(t, tree)
	at := func(p string) string { return filepath.Join(m.Dir(), p) }

	// A new file, looked for in vain before, in a directory listed before.
	becomes(t, at("dir/new"), "")
	if l, err := os.ReadDir(at("dir")); err != nil || len(l) != 1 {
		t.Fatalf("ReadDir: %v, %v", l, err)
	}
	tree.put("dir/new", []byte("new"))
	m.Changed("dir/new", ChangeEntry)
	becomes(t, at("dir/new"), "new")
	if l, err := os.ReadDir(at("dir")); err != nil || len(l) != 2 {
		t.Errorf("ReadDir after: %v, %v", l, err)
	}

	// Other content: a new inode, size and bytes; the open file keeps the old.
	becomes(t, at("dir/file"), "one")
	old, err := os.Open(at("dir/file"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	before, _ := os.Stat(at("dir/file"))
	tree.put("dir/file", []byte("second"))
	m.Changed("dir/file", ChangeEntry)
	becomes(t, at("dir/file"), "second")
	after, err := os.Stat(at("dir/file"))
	if err != nil || after.Size() != 6 || ino(after) == ino(before) {
		t.Errorf("stat: %v, inode %d before and %d after, %v", after, ino(before), ino(after), err)
	}
	drop(m, "dir/file")
	if b := make([]byte, 3); !readsAs(old, b, "one") {
		t.Errorf("the open file reads %q", b)
	}
	if st, err := old.Stat(); err != nil || st.Size() != 3 {
		t.Errorf("the open file has %v, %v", st, err)
	}

	// Removed: gone by name, still there for who has it open.
	tree.remove("dir/file")
	m.Changed("dir/file", ChangeEntry)
	becomes(t, at("dir/file"), "")
	if b := make([]byte, 3); !readsAs(old, b, "one") {
		t.Errorf("the open file reads %q after removal", b)
	}
}

func ino(st os.FileInfo) uint64 { return st.Sys().(*syscall.Stat_t).Ino }

func readsAs(f *os.File, b []byte, want string) bool {
	n, err := f.ReadAt(b, 0)
	return err == nil && string(b[:n]) == want
}

// A change of attributes alone keeps inode and pages.
func TestMountChangeAttr(t *testing.T) {
	tree := newMem()
	tree.put("f", noise(1, 100_000)).e.Local = 0
	m := mount(t, tree)
	path := filepath.Join(m.Dir(), "f")
	if _, err := os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(path)
	reads := m.Stats().Reads

	f := newFile(noise(1, 100_000))
	f.e.Exec, f.e.MTime = true, time.Unix(1_700_000_000, 0)
	tree.set("f", f)
	m.Changed("f", ChangeAttr)
	waitFor(t, "new attributes", soon, func() bool {
		st, err := os.Stat(path)
		return err == nil && st.Mode() == 0o555 && st.ModTime().Equal(f.e.MTime) && st.Sys().(*syscall.Stat_t).Blocks == 196
	})
	after, _ := os.Stat(path)
	if ino(before) != ino(after) {
		t.Errorf("inode %d became %d", ino(before), ino(after))
	}
	if _, err := os.ReadFile(path); err != nil || m.Stats().Reads != reads {
		t.Errorf("%d reads after %d: the pages were dropped (%v)", m.Stats().Reads, reads, err)
	}
}

// A directory that goes, comes as a file, and comes back; with one change
// announced for all of it, and a process that stands in it.
func TestMountChangeTree(t *testing.T) {
	tree := newMem()
	for i := range 50 {
		tree.put(fmt.Sprintf("d/sub%d/f%d", i%5, i), []byte{byte(i)})
	}
	m := mount(t, tree)
	at := func(p string) string { return filepath.Join(m.Dir(), p) }
	for i := range 50 {
		if _, err := os.Stat(at(fmt.Sprintf("d/sub%d/f%d", i%5, i))); err != nil {
			t.Fatal(err)
		}
	}
	defer stand(t, at("d/sub1"))()

	for i := range 50 {
		tree.remove(fmt.Sprintf("d/sub%d/f%d", i%5, i))
	}
	for i := range 5 {
		tree.remove(fmt.Sprint("d/sub", i))
	}
	tree.remove("d")
	m.Changed("d", ChangeTree)
	waitFor(t, "the directory is gone", soon, func() bool {
		for i := range 50 {
			if _, err := os.Stat(at(fmt.Sprintf("d/sub%d/f%d", i%5, i))); !errors.Is(err, os.ErrNotExist) {
				return false
			}
		}
		_, err := os.Stat(at("d"))
		return errors.Is(err, os.ErrNotExist)
	})

	tree.set("d", newFile([]byte("a file")))
	m.Changed("d", ChangeEntry)
	becomes(t, at("d"), "a file")
	tree.remove("d")
	tree.put("d/sub1/f", []byte("back"))
	m.Changed("d", ChangeTree)
	becomes(t, at("d/sub1/f"), "back")
}

// stand holds a directory open, as a process that stands in it does.
func stand(t *testing.T, dir string) func() {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return func() { unix.Close(fd) }
}

// The target of a symbolic link can change, and lead out of the directory.
func TestMountSymlink(t *testing.T) {
	tree := newMem()
	tree.put("a/f", []byte("A"))
	tree.put("b/f", []byte("B"))
	tree.set("link", &memFile{e: Entry{Kind: Symlink, Target: "a/f"}})
	m := mount(t, tree)
	path := filepath.Join(m.Dir(), "link")
	becomes(t, path, "A")
	tree.set("link", &memFile{e: Entry{Kind: Symlink, Target: "b/f"}})
	m.Changed("link", ChangeEntry)
	becomes(t, path, "B")
	if got, err := os.Readlink(path); got != "b/f" || err != nil {
		t.Errorf("Readlink = %q, %v", got, err)
	}
}

// A volatile file is made at each open, whatever its size is said to be.
func TestMountVolatile(t *testing.T) {
	tree := newMem()
	set := func(s string) {
		f := &memFile{e: Entry{Volatile: true, Hidden: true, MTime: time.Now()}, data: []byte(s)}
		tree.set("status", f)
	}
	set("first")
	m := mount(t, tree)
	for _, want := range []string{"first", "second and longer", string(noise(1, 200_000)), "x"} {
		set(want)
		got, err := os.ReadFile(filepath.Join(m.Dir(), "status"))
		if err != nil || string(got) != want {
			t.Errorf("read %d bytes, %v, want %d", len(got), err, len(want))
		}
	}
	if l, err := os.ReadDir(m.Dir()); len(l) != 0 || err != nil {
		t.Errorf("the hidden file is listed: %v, %v", l, err)
	}
}

// The kernel asks once for what does not change.
func TestMountAsksOnce(t *testing.T) {
	tree := newMem()
	tree.put("dir/f", noise(1, 10_000))
	m := mount(t, tree)
	path := filepath.Join(m.Dir(), "dir/f")
	if _, err := os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	before := m.Stats()
	for range 100 {
		if _, err := os.Stat(path); err != nil {
			t.Fatal(err)
		}
	}
	if n := m.Stats().Requests - before.Requests; n > 5 { // the release of the first open
		t.Errorf("%d requests for 100 stats", n)
	}
	for range 10 {
		if _, err := os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if after := m.Stats(); after.Reads != before.Reads {
		t.Errorf("read anew from the tree: %d and %d reads", before.Reads, after.Reads)
	}
}
