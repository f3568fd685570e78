package cache

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// mkfifo makes a FIFO, where there are such.
var mkfifo = write("")

// TestForeign puts all kinds of things into the directory before Open.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	k, data := piece('2', 1, 100_000)
	l, _ := piece('2', 2, 100_000)
	s := open(t, Config{Dir: dir})
	put(t, s, k, data)
	closeStore(t, s)
	ours := pathName(l)
	long := strings.Repeat("a", 64)
	tests := []struct {
		path  string
		make  func(path string) error
		stays bool
	}{
		{"notes.txt", write("mine"), true},
		{"lost+found/x", write("mine"), true},
		{"zz/2" + long, write("mine"), true},
		{"aa/readme", write("mine"), true},
		{"aa/2" + strings.ToUpper(long), write("mine"), true},
		{"aa/2" + long[1:], write("mine"), true},
		{"aa/3" + long, write("mine"), true},
		{"ab/2" + long, write("mine"), true}, // in the directory of another
		{"aa/2" + long + ".tmp2", write("mine"), true},
		{"aa/1" + long[:40] + "/x", write("mine"), true}, // a directory
		{"aa/2" + long + tmpSuffix, write("half a pie"), false},
		{"aa/1" + long[:38] + "bb", write(""), false},
		{"aa/2" + long[1:] + "b", func(path string) error { return os.Symlink(outside, path) }, false},
		{"aa/2" + long[1:] + "c", mkfifo, false},
		{"aa/2" + long[1:] + "d", func(path string) error {
			return errors.Join(write("x")(path), os.Truncate(path, MaxPiece+1))
		}, false},
		{ours, func(path string) error { return os.Symlink(filepath.Join(dir, pathName(k)), path) }, false},
	}
	if err := write("secret")(outside); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		path := filepath.Join(dir, tt.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := tt.make(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Dir(outside), filepath.Join(dir, "ee")); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Dir: dir})
	for _, tt := range tests {
		if _, err := os.Lstat(filepath.Join(dir, tt.path)); (err == nil) != tt.stays {
			t.Errorf("%s: got %v, want stays %v", tt.path, err, tt.stays)
		}
	}
	if len(s.table.index) != 1 {
		t.Errorf("index has %d pieces, want 1", len(s.table.index))
	}
	wantPiece(t, s, k, data)
	if text, err := os.ReadFile(outside); string(text) != "secret" {
		t.Errorf("a file outside: got %q, %v", text, err)
	}
}

func write(text string) func(path string) error {
	return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
}

func TestFormat(t *testing.T) {
	tests := []struct {
		name, text string
		ok         bool
	}{
		{"this version", formatText, true},
		{"newer", "p2pfs cache 2\n", false},
		{"older", "p2pfs cache 0\n", false},
		{"longer", formatText + "x", false},
		{"huge", strings.Repeat("p2pfs cache 1\n", 10_000), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, formatName)
			if err := write(tt.text)(path); err != nil {
				t.Fatal(err)
			}
			s, err := Open(Config{Dir: dir})
			if tt.ok {
				if err != nil {
					t.Fatal(err)
				}
				closeStore(t, s)
				return
			}
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("got %v, want ErrFormat", err)
			}
			if text, _ := os.ReadFile(path); string(text) != tt.text {
				t.Error("a refused directory was changed")
			}
			// The lock is free again.
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			open(t, Config{Dir: dir})
		})
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	if err := write("x")(filepath.Join(dir, "file")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: filepath.Join(dir, "file")}); err == nil || !strings.Contains(err.Error(), "file") {
		t.Errorf("Open of a file: got %v, want an error that names it", err)
	}
	if err := os.Mkdir(filepath.Join(dir, formatName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir}); err == nil {
		t.Error("Open with a directory in the place of the format file has not failed")
	}
	deep := filepath.Join(dir, "a", "b", "c")
	open(t, Config{Dir: deep})
}

// TestTrust is in no file: by giving a piece content that is not its own it is
// seen that each is hashed when it is first read in a run.
func TestTrust(t *testing.T) {
	tests := []struct {
		name    string
		between func(t *testing.T, dir, path string)
	}{
		{"clean stop", func(*testing.T, string, string) {}},
		{"list of an earlier version", func(t *testing.T, dir, _ string) {
			must(t, os.WriteFile(filepath.Join(dir, cleanName), []byte("p2pfs cache clean 1"), 0o600))
		}},
		{"file written to", func(t *testing.T, _, path string) { flip(t, path, 5) }},
		{"file replaced", func(t *testing.T, _, path string) {
			text, err := os.ReadFile(path)
			must(t, errors.Join(err, os.Rename(path, path+".old"), os.WriteFile(path, text, 0o600)))
		}},
		{"file truncated", func(t *testing.T, _, path string) { must(t, os.Truncate(path, 10)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, Config{Dir: dir})
			k, _ := piece('2', 1, 100_000)
			_, wrong := piece('2', 2, 100_000)
			put(t, s, k, wrong)
			closeStore(t, s)
			tt.between(t, dir, filepath.Join(dir, pathName(k)))
			evicted := 0
			s = open(t, Config{Dir: dir, OnEvict: func(Key) { evicted++ }})
			if !s.Has(k) {
				t.Error("Open has read the piece")
			}
			if _, err := s.ReadAt(k, make([]byte, 10), 0); err == nil || evicted != 1 || s.Has(k) {
				t.Errorf("ReadAt: got %v, %d evicted, has %v, want it dropped", err, evicted, s.Has(k))
			}
			s.check(t)
			if used, _ := onDisk(t, dir); tt.name != "file replaced" && used != 0 {
				t.Errorf("a bad piece is still on disk")
			}
			if _, err := os.Stat(filepath.Join(dir, cleanName)); err == nil {
				t.Error("the list is still there")
			}
		})
	}
}

// TestBitRot changes bytes and puts the times back: before a restart, after a
// clean stop, and while the store is open.
func TestBitRot(t *testing.T) {
	for _, version := range []byte{'1', '2'} {
		for _, size := range []int{100, 100_000, 3<<20 + 5} {
			dir := t.TempDir()
			s := open(t, Config{Dir: dir})
			k, data := piece(version, 1, size)
			path := filepath.Join(dir, pathName(k))
			rot := func(off int) {
				fi, err := os.Stat(path)
				must(t, err)
				flip(t, path, off)
				must(t, os.Chtimes(path, fi.ModTime(), fi.ModTime()))
			}
			for i, off := range []int{0, size / 2, size - 1} {
				put(t, s, k, data)
				wantPiece(t, s, k, data)
				if i > 0 { // open, then stopped
					closeStore(t, s)
				}
				rot(off)
				if i > 0 {
					s = open(t, Config{Dir: dir})
				}
				got := make([]byte, 10)
				if _, err := s.ReadAt(k, got, int64(off/2)); !errors.Is(err, ErrMissing) || s.Has(k) {
					t.Errorf("v%c, %d bytes, at %d: got %v, has %v, want it dropped", version, size, off, err, s.Has(k))
				}
				s.check(t)
			}
			closeStore(t, s)
		}
	}
}

// TestTouchIsNoChange notes the last use of a piece while others read it: that
// moves its ctime, and is taken for no change.
func TestTouchIsNoChange(t *testing.T) {
	var f faults
	s, err := openFaulty(Config{Dir: t.TempDir()}, &f)
	must(t, err)
	defer closeStore(t, s)
	k, data := piece('2', 1, 300_000)
	put(t, s, k, data)
	var now atomic.Int64
	now.Store(s.table.now())
	s.table.now = func() int64 { return now.Add(touchEvery / 4) }
	wantPiece(t, s, k, data)
	reads := f.count("read")
	var wg sync.WaitGroup
	const each = 200
	for range 4 {
		wg.Go(func() {
			for range each {
				if _, err := s.ReadAt(k, make([]byte, 100), 1000); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := f.count("touch"); n < each/2 {
		t.Errorf("touched %d times", n)
	}
	if n := f.count("read") - reads; n != 4*each {
		t.Errorf("%d reads of the file for %d: it was hashed again", n, 4*each)
	}
}

// TestBlankFormat begins on the mark that a power cut left of the first start.
func TestBlankFormat(t *testing.T) {
	for _, text := range []string{"", "\x00\x00\x00"} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, formatName), []byte(text), 0o600))
		closeStore(t, open(t, Config{Dir: dir}))
		if got, _ := os.ReadFile(filepath.Join(dir, formatName)); string(got) != formatText {
			t.Errorf("%q: the mark is %q", text, got)
		}
	}
}

// TestReopenOrder keeps the order of use across a restart.
func TestReopenOrder(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, Size: 1 << 20})
	var keys []Key
	for i := range 8 {
		k, data := piece('2', uint64(i), 64<<10)
		put(t, s, k, data)
		keys = append(keys, k)
	}
	now := s.table.now()
	s.table.now = func() int64 { now += 2 * touchEvery; return now }
	for _, i := range []int{7, 3, 5, 1} {
		if _, err := s.ReadAt(keys[i], make([]byte, 1), 0); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, s)

	s = open(t, Config{Dir: dir, Size: 256 << 10})
	late := now + touchEvery
	s.table.now = func() int64 { late++; return late }
	s.table.lru = nil
	for _, e := range s.table.index { // Open has clamped times that are to come
		in, _, err := s.place.directory().Lstat(pathName(e.key))
		must(t, err)
		e.use.Store(in.atime)
		s.table.lru.add(e)
	}
	if err := s.Trim(); err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		if want := i == 7 || i == 3 || i == 5 || i == 1; s.Has(k) != want {
			t.Errorf("piece %d: has %v, want %v", i, s.Has(k), want)
		}
	}
	s.check(t)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// flip inverts the byte at off.
func flip(t *testing.T, path string, off int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	b := make([]byte, 1)
	_, err = f.ReadAt(b, int64(off))
	must(t, err)
	_, err = f.WriteAt([]byte{^b[0]}, int64(off))
	must(t, err)
}
