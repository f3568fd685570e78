package cache

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

func TestReadRanges(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	k, data := piece('2', 1, 100)
	put(t, s, k, data)
	tests := []struct {
		off  int64
		n    int
		want error
	}{
		{0, 100, nil}, {0, 0, nil}, {100, 0, nil}, {99, 1, nil}, {50, 50, nil},
		{50, 51, ErrRange}, {100, 1, ErrRange}, {101, 0, ErrRange}, {-1, 1, ErrRange},
		{1 << 62, 1, ErrRange}, {-1 << 63, 1, ErrRange}, {0, 101, ErrRange},
	}
	for _, tt := range tests {
		p := make([]byte, tt.n)
		n, err := s.ReadAt(k, p, tt.off)
		if !errors.Is(err, tt.want) || err == nil && n != tt.n || err != nil && n != 0 {
			t.Errorf("ReadAt(%d bytes, %d): got %d, %v, want %v", tt.n, tt.off, n, err, tt.want)
		}
		if err == nil && string(p) != string(data[tt.off:tt.off+int64(tt.n)]) {
			t.Errorf("ReadAt(%d bytes, %d): wrong bytes", tt.n, tt.off)
		}
	}
	s.check(t)
}

func TestPutArguments(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), Size: 1 << 20})
	good, data := piece('1', 1, 100)
	long := good
	long[32] = 1
	tests := []struct {
		name   string
		key    Key
		blocks [][]byte
		want   error
	}{
		{"nothing", good, nil, ErrKey},
		{"empty blocks", good, [][]byte{{}, {}}, ErrKey},
		{"no key", Key{}, [][]byte{data}, ErrKey},
		{"version 3", Key{0: '3', 1: 1}, [][]byte{data}, ErrKey},
		{"bytes behind a SHA-1", long, [][]byte{data}, ErrKey},
		{"more than the budget", good, [][]byte{make([]byte, 1<<20+1)}, ErrTooLarge},
		{"empty blocks between", good, [][]byte{{}, data[:50], {}, {}, data[50:], {}}, nil},
	}
	for _, tt := range tests {
		if err := s.Put(tt.key, tt.blocks); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	wantPiece(t, s, good, data)
	s.check(t)
}

// TestDamage changes a piece's file while the store is open.
func TestDamage(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, path string)
		lost   bool
	}{
		{"flipped", func(t *testing.T, path string) { flip(t, path, 70_000) }, true},
		{"truncated", func(t *testing.T, path string) { must(t, os.Truncate(path, 50_000)) }, true},
		{"grown", func(t *testing.T, path string) { must(t, os.Truncate(path, 150_000)) }, true},
		{"emptied", func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) }, true},
		{"removed", func(t *testing.T, path string) { must(t, os.Remove(path)) }, true},
		{"swapped", func(t *testing.T, path string) {
			_, other := piece('2', 9, 100_000)
			must(t, errors.Join(os.Remove(path), os.WriteFile(path, other, 0o600)))
		}, true},
		{"a link", func(t *testing.T, path string) {
			_, same := piece('2', 1, 100_000)
			must(t, errors.Join(os.WriteFile(path+"x", same, 0o600), os.Remove(path), os.Symlink(filepath.Base(path)+"x", path)))
		}, true},
		{"a directory", func(t *testing.T, path string) {
			must(t, errors.Join(os.Remove(path), os.Mkdir(path, 0o700)))
		}, true},
		{"written with the same bytes", func(t *testing.T, path string) {
			flip(t, path, 1)
			flip(t, path, 1)
		}, false},
	}
	for _, tt := range tests {
		for _, opened := range []bool{false, true} {
			name := tt.name + ", not open"
			if opened {
				name = tt.name + ", open"
			}
			t.Run(name, func(t *testing.T) {
				dir := t.TempDir()
				evicted := 0
				s := open(t, Config{Dir: dir, OnEvict: func(Key) { evicted++ }})
				k, data := piece('2', 1, 100_000)
				put(t, s, k, data)
				if opened {
					wantPiece(t, s, k, data)
				}
				tt.damage(t, filepath.Join(dir, pathName(k)))
				got := make([]byte, len(data))
				_, err := s.ReadAt(k, got, 0)
				if err == nil && string(got) != string(data) {
					t.Fatal("wrong bytes were handed out")
				}
				if errors.Is(err, ErrMissing) != tt.lost || s.Has(k) == tt.lost || (evicted == 1) != tt.lost {
					t.Fatalf("ReadAt: got %v, has %v, %d evicted, want lost %v", err, s.Has(k), evicted, tt.lost)
				}
				s.check(t)
				put(t, s, k, data)
				wantPiece(t, s, k, data)
			})
		}
	}
}

// TestInUse keeps a file open that is read, whatever becomes of its piece.
func TestInUse(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), Size: 64 << 10})
	k, data := piece('2', 1, 60_000)
	put(t, s, k, data)
	h, err := s.acquire(k)
	must(t, err)
	other, otherData := piece('2', 2, 60_000)
	if err := s.Put(other, blocksOf(otherData)); err != ErrNoRoom {
		t.Errorf("Put while the only piece is in use: got %v, want ErrNoRoom", err)
	}
	closeStore(t, s)
	got := make([]byte, len(data))
	if _, err := h.f.ReadAt(got, 0); err != nil || string(got) != string(data) {
		t.Errorf("reading the file after Close: %v, or wrong bytes", err)
	}
	h.unref()
	if _, err := h.f.ReadAt(got, 0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after the last reader: got %v, want the file closed", err)
	}
}

// TestReadAllocates nothing when the piece's file is open.
func TestReadAllocates(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	k, data := piece('2', 1, 1<<20)
	put(t, s, k, data)
	p := make([]byte, 128<<10)
	read := func() {
		if _, err := s.ReadAt(k, p, 4096); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if n := testing.AllocsPerRun(100, read); n != 0 {
		t.Errorf("ReadAt allocates %v times, want 0", n)
	}
}

// TestOpenFiles keeps at most maxOpen files open, of the pieces used last.
func TestOpenFiles(t *testing.T) {
	var f faults
	s, err := openFaulty(Config{Dir: t.TempDir()}, &f)
	must(t, err)
	defer closeStore(t, s)
	var keys []Key
	for i := range maxOpen + 50 {
		k, data := piece('1', uint64(i), 100)
		put(t, s, k, data)
		keys = append(keys, k)
		if _, err := s.ReadAt(k, make([]byte, 10), 0); err != nil {
			t.Fatal(err)
		}
	}
	s.check(t)
	opens := f.count("open")
	for _, k := range keys[50:] {
		_, err := s.ReadAt(k, make([]byte, 10), 0)
		must(t, err)
	}
	if n := f.count("open") - opens; n != 0 || len(s.table.files) != maxOpen {
		t.Errorf("the last %d pieces: %d opens, %d open files, want 0 and %d", maxOpen, n, len(s.table.files), maxOpen)
	}
	// All in use: one more is opened for its reader alone.
	var releases []func()
	for _, k := range keys[50:] {
		release, err := use(s, k)
		must(t, err)
		releases = append(releases, release)
	}
	if _, err := s.ReadAt(keys[0], make([]byte, 10), 0); err != nil || len(s.table.files) != maxOpen {
		t.Errorf("with all open files in use: %v, %d open files", err, len(s.table.files))
	}
	for _, release := range releases {
		release()
	}
	s.check(t)
}

// TestTouch writes the time of last use once a minute.
func TestTouch(t *testing.T) {
	var f faults
	s, err := openFaulty(Config{Dir: t.TempDir()}, &f)
	must(t, err)
	defer closeStore(t, s)
	k, data := piece('2', 1, 1000)
	put(t, s, k, data)
	now := s.table.now()
	s.table.now = func() int64 { return now }
	for range 150 {
		now += touchEvery / 60
		wantPiece(t, s, k, data)
	}
	if n := f.count("touch"); n != 2 {
		t.Errorf("150 s of reads: got %d touches, want 2", n)
	}
	in, _, err := s.place.directory().Lstat(pathName(k))
	if err != nil || in.atime < now-touchEvery || in.mtime != s.table.index[k].mtime {
		t.Errorf("atime %d, mtime %d, %v, want atime %d and mtime %d", in.atime, in.mtime, err, now, s.table.index[k].mtime)
	}
}

func TestKeyNames(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		k, _ := piece("12"[r.IntN(2)], r.Uint64(), 1+r.IntN(100))
		if got, ok := parseName(fileName(k)); !ok || got != k {
			t.Fatalf("parseName(%q): got %x, %v, want %x", fileName(k), got, ok, k)
		}
	}
}

func FuzzParseName(f *testing.F) {
	k, _ := piece('1', 1, 1)
	f.Add(fileName(k))
	k, _ = piece('2', 1, 1)
	f.Add(fileName(k))
	f.Add("")
	f.Add("1")
	f.Fuzz(func(t *testing.T, name string) {
		if k, ok := parseName(name); ok && fileName(k) != name {
			t.Errorf("parseName(%q) is the key of %q", name, fileName(k))
		}
	})
}

func TestVerify(t *testing.T) {
	for _, n := range []int{1, blockSize, blockSize + 1, 2 * blockSize, 5*blockSize + 7, 33 * blockSize} {
		data := make([]byte, n)
		fill(data, uint64(n))
		path := filepath.Join(t.TempDir(), "x")
		must(t, os.WriteFile(path, data, 0o600))
		f, err := os.Open(path)
		must(t, err)
		defer f.Close()
		check := func(k Key, size int, want bool) {
			t.Helper()
			if got, err := verify(k, f, int64(size)); got != want || err != nil {
				t.Errorf("%d bytes, key %c: got %v, %v, want %v", size, k[0], got, err, want)
			}
		}
		check(keyOf('1', data, 1), n, true)
		for width := 1; width <= MaxPiece/blockSize; width *= 2 {
			check(keyOf('2', data, width), n, true)
		}
		check(keyOf('2', data, 2*MaxPiece/blockSize), n, false)
		wrong := append([]byte(nil), data...)
		wrong[n-1]++
		check(keyOf('1', wrong, 1), n, false)
		check(keyOf('2', wrong, 1), n, false)
		if n > 1 {
			check(keyOf('2', data, 1), n-1, false)
		}
		if _, err := verify(keyOf('1', data, 1), f, int64(n+1)); err != io.ErrUnexpectedEOF {
			t.Errorf("short file: got %v, want ErrUnexpectedEOF", err)
		}
	}
}
