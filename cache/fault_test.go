package cache

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPutFaults lets each call of a Put fail with each error.
func TestPutFaults(t *testing.T) {
	for _, op := range []string{"mkdir", "create", "write", "info", "close", "rename"} {
		for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EROFS, syscall.EIO, syscall.EDQUOT, syscall.EMFILE, syscall.EACCES} {
			t.Run(fmt.Sprintf("%s/%s", op, errno), func(t *testing.T) {
				var f faults
				dir := t.TempDir()
				s, err := openFaulty(Config{Dir: dir}, &f)
				if err != nil {
					t.Fatal(err)
				}
				old, oldData := piece('2', 1, 100_000)
				put(t, s, old, oldData)
				f.always(op, &os.PathError{Op: op, Err: errno})
				k, data := piece('2', 2, 200_000)
				if err := s.Put(k, blocksOf(data)); !errors.Is(err, errno) {
					t.Fatalf("Put: got %v, want %v", err, errno)
				}
				f.set(nil)
				if s.Has(k) {
					t.Error("Has a piece whose Put has failed")
				}
				s.check(t)
				if used, odd := onDisk(t, dir); used != s.table.used || odd != nil {
					t.Errorf("on disk %d bytes and %q, want %d and nothing else", used, odd, s.table.used)
				}
				wantPiece(t, s, old, oldData)
				put(t, s, k, data)
				wantPiece(t, s, k, data)
				closeStore(t, s)
			})
		}
	}
}

// TestShortWrites has the disk take a few bytes at a time.
func TestShortWrites(t *testing.T) {
	for _, short := range []int{1000, blockSize - 1, blockSize} {
		f := faults{}
		s, err := openFaulty(Config{Dir: t.TempDir()}, &f)
		if err != nil {
			t.Fatal(err)
		}
		f.short = short
		k, data := piece('1', uint64(short), 3*blockSize+5)
		blocks := blocksOf(data)
		if err := s.Put(k, blocks); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytes.Join(blocks, nil), data) {
			t.Error("Put changed the blocks it was given")
		}
		wantPiece(t, s, k, data)
		if err := s.Verify(k); err != nil {
			t.Error(err)
		}
		closeStore(t, s)
	}
}

// TestDiskFullMidway writes a part of a piece before the disk is full, and
// cannot even remove that part: a later Put does.
func TestDiskFullMidway(t *testing.T) {
	f := faults{}
	dir := t.TempDir()
	s, err := openFaulty(Config{Dir: dir}, &f)
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	f.short = 5000
	left := 3
	f.set(func(op, _ string) error {
		if op == "remove" {
			return syscall.EIO
		}
		if left--; op == "write" && left < 0 {
			return syscall.ENOSPC
		}
		return nil
	})
	k, data := piece('2', 1, 100_000)
	if err := s.Put(k, blocksOf(data)); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v, want ENOSPC", err)
	}
	if _, odd := onDisk(t, dir); len(odd) != 1 {
		t.Fatalf("left over: got %q, want one file", odd)
	}
	f.set(nil)
	f.short = 0
	other, otherData := piece('2', 2, 1000)
	put(t, s, other, otherData)
	if _, odd := onDisk(t, dir); odd != nil {
		t.Errorf("left over after the next Put: %q", odd)
	}
	put(t, s, k, data)
	wantPiece(t, s, k, data)
	s.check(t)
}

// TestReadFaults says which errors of the disk cost the piece.
func TestReadFaults(t *testing.T) {
	tests := []struct {
		op      string
		errno   syscall.Errno
		missing bool
	}{
		{"open", syscall.EMFILE, false},
		{"open", syscall.ENFILE, false},
		{"open", syscall.EACCES, false},
		{"open", syscall.EIO, true},
		{"open", syscall.ENOENT, true},
		{"read", syscall.EIO, true},
		{"info", syscall.EIO, true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s/%s", tt.op, tt.errno), func(t *testing.T) {
			var f faults
			var evicted []Key
			dir := t.TempDir()
			s, err := openFaulty(Config{Dir: dir, OnEvict: func(k Key) { evicted = append(evicted, k) }}, &f)
			if err != nil {
				t.Fatal(err)
			}
			k, data := piece('2', 1, 100_000)
			put(t, s, k, data)
			f.always(tt.op, &os.PathError{Op: tt.op, Err: tt.errno})
			_, err = s.ReadAt(k, make([]byte, 10), 0)
			if !errors.Is(err, tt.errno) && tt.op == "open" || errors.Is(err, ErrMissing) != tt.missing {
				t.Errorf("ReadAt: got %v, want %v, missing %v", err, tt.errno, tt.missing)
			}
			if s.Has(k) == tt.missing || (len(evicted) == 1) != tt.missing {
				t.Errorf("Has %v, evicted %d, want missing %v", s.Has(k), len(evicted), tt.missing)
			}
			f.set(nil)
			put(t, s, k, data)
			wantPiece(t, s, k, data)
			s.check(t)
			closeStore(t, s)
		})
	}
}

// TestEvictFaults cannot remove the file of a victim: it stays.
func TestEvictFaults(t *testing.T) {
	var f faults
	s, err := openFaulty(Config{Dir: t.TempDir(), Size: 128 << 10}, &f)
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	a, aData := piece('2', 1, 64<<10)
	b, bData := piece('2', 2, 64<<10)
	c, cData := piece('2', 3, 64<<10)
	put(t, s, a, aData)
	put(t, s, b, bData)
	f.always("remove", syscall.EROFS)
	if err := s.Put(c, blocksOf(cData)); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("Put: got %v, want EROFS", err)
	}
	if err := s.Remove(a); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("Remove: got %v, want EROFS", err)
	}
	s.check(t)
	wantPiece(t, s, a, aData)
	f.set(nil)
	put(t, s, c, cData)
	if s.Has(b) || !s.Has(a) || !s.Has(c) {
		t.Errorf("a %v, b %v, c %v, want b evicted", s.Has(a), s.Has(b), s.Has(c))
	}
	s.check(t)
}

// TestFaultLog says once that pieces are not stored, and once that they are
// again; other faults are logged once a minute a kind.
func TestFaultLog(t *testing.T) {
	var out bytes.Buffer
	var f faults
	s, err := openFaulty(Config{Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(&out, nil))}, &f)
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	now := time.Now().UnixNano()
	s.table.now = func() int64 { return now }
	k, data := piece('2', 1, 1000)
	fail := func(errno syscall.Errno, n int) {
		t.Helper()
		f.always("write", errno)
		for range n {
			if s.Put(k, blocksOf(data)) == nil {
				t.Fatal("Put has not failed")
			}
			now += int64(time.Second)
		}
		if got := s.Usage().Trouble; !errors.Is(got, errno) {
			t.Errorf("Usage tells of %v, want %v", got, errno)
		}
	}
	lines := func(want int, last string) {
		t.Helper()
		all := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(all) != want || !strings.Contains(all[len(all)-1], last) {
			t.Errorf("got %d lines, want %d, the last with %q:\n%s", len(all), want, last, &out)
		}
	}
	fail(syscall.ENOSPC, 200) // 200 s
	lines(1, "no space left")
	fail(syscall.EIO, 100)
	lines(2, "input/output error")
	f.set(nil)
	put(t, s, k, data)
	lines(3, `"not stored meanwhile"=300`)
	if got := s.Usage().Trouble; got != nil {
		t.Errorf("Usage still tells of %v", got)
	}
	must(t, s.Remove(k))
	put(t, s, k, data)
	must(t, s.Remove(k))
	fail(syscall.EIO, 1) // a minute has passed since the last of its kind
	put1 := func() { f.set(nil); put(t, s, k, data); must(t, s.Remove(k)) }
	put1()
	lines(5, "again")
	for range 10 { // on and off: no more than a line a minute
		f.always("write", syscall.EIO)
		s.Put(k, blocksOf(data))
		put1()
	}
	lines(5, "again")
	for range 100 {
		s.faults.note("touch", syscall.EIO)
	}
	now += int64(time.Minute)
	s.faults.note("touch", syscall.EIO)
	lines(7, "unlogged=99")
}

// TestKeepFreeByDefault is a part of a small disk.
func TestKeepFreeByDefault(t *testing.T) {
	for total, want := range map[int64]int64{8 << 20: 8 << 20 / 20, 1 << 40: DefaultKeepFree} {
		c := Config{KeepFree: -1}
		if got := c.keepFree(total); got != want {
			t.Errorf("of %d bytes: got %d, want %d", total, got, want)
		}
	}
}

// TestDirectoryRemoved removes everything under the store's feet.
func TestDirectoryRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	evicted := make(map[Key]int)
	s := open(t, Config{Dir: dir, OnEvict: func(k Key) { evicted[k]++ }})
	a, aData := piece('2', 1, 100_000)
	b, bData := piece('1', 2, 100_000)
	put(t, s, a, aData)
	put(t, s, b, bData)
	wantPiece(t, s, b, bData)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadAt(a, make([]byte, 1), 0); !errors.Is(err, ErrMissing) {
		t.Errorf("ReadAt of a removed piece: got %v, want ErrMissing", err)
	}
	c, cData := piece('2', 3, 100_000)
	put(t, s, c, cData)
	wantPiece(t, s, c, cData)
	if evicted[a] != 1 || evicted[b] != 1 || s.Has(a) || s.Has(b) {
		t.Errorf("evicted %v, has a %v, has b %v, want both evicted once", evicted, s.Has(a), s.Has(b))
	}
	put(t, s, a, aData)
	s.check(t)
	if used, odd := onDisk(t, dir); used != s.table.used || odd != nil {
		t.Errorf("on disk %d bytes and %q, want %d", used, odd, s.table.used)
	}
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("Open of the new directory: got %v, want ErrInUse", err)
	}
	closeStore(t, s)
	s = open(t, Config{Dir: dir})
	wantPiece(t, s, a, aData)
}

// TestDirectoryReplaced finds pieces in the directory that took the place of
// the old one, and verifies them.
func TestDirectoryReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	good, goodData := piece('2', 1, 100_000)
	bad, _ := piece('2', 2, 100_000)
	other := open(t, Config{Dir: dir + "2"})
	put(t, other, good, goodData)
	put(t, other, bad, goodData) // nothing is hashed on the way in
	closeStore(t, other)

	s := open(t, Config{Dir: dir})
	put(t, s, good, goodData)
	if err := errors.Join(os.RemoveAll(dir), os.Rename(dir+"2", dir)); err != nil {
		t.Fatal(err)
	}
	k, data := piece('2', 3, 1000)
	put(t, s, k, data)
	wantPiece(t, s, good, goodData)
	if _, err := s.ReadAt(bad, make([]byte, 1), 0); !errors.Is(err, ErrMissing) {
		t.Errorf("bad piece of the new directory: got %v, want ErrMissing", err)
	}
	s.check(t)
}

// TestDirectoryCannotReturn fails each Put while the directory is away.
func TestDirectoryCannotReturn(t *testing.T) {
	var f faults
	dir := filepath.Join(t.TempDir(), "cache")
	s, err := openFaulty(Config{Dir: dir}, &f)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	f.always("opendir", syscall.EACCES)
	k, data := piece('2', 1, 1000)
	for range 3 {
		if err := s.Put(k, blocksOf(data)); !errors.Is(err, syscall.EACCES) {
			t.Errorf("Put: got %v, want EACCES", err)
		}
	}
	s.check(t)
	f.set(nil)
	put(t, s, k, data)
	wantPiece(t, s, k, data)
	closeStore(t, s)
}
