package disk

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestExisting downloads over files that are there already.
func TestExisting(t *testing.T) {
	c := content{"a": random(1, 3*pieceLength), "b": random(2, 2*pieceLength), "c": random(3, 100)}
	seed, _ := seedOf(t, c, kinds[0], nil)
	tests := []struct {
		name   string
		before content
		copied int
	}{
		{"nothing", nil, 6},
		{"all", c, 0},
		{"one file", content{"a": c["a"]}, 3},
		{"half a file", content{"a": c["a"][:2*pieceLength]}, 4},
		{"other content", content{"a": random(9, 3*pieceLength), "b": c["b"], "c": random(9, 5000)}, 4},
		{"longer files", content{"a": append(c["a"][:len(c["a"]):len(c["a"])], 1, 2, 3), "b": append(c["b"][:len(c["b"]):len(c["b"])], c["b"]...), "c": c["c"]}, 0},
		{"empty files", content{"a": {}, "b": {}, "c": {}}, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to := t.TempDir()
			tt.before.write(t, filepath.Join(to, "t"))
			d := open(t, Config{MetaInfo: seed.cfg.MetaInfo, Dir: to})
			check(t, d)
			if n := fetch(t, d, seed); n != tt.copied {
				t.Errorf("%d pieces were fetched, want %d", n, tt.copied)
			}
			must(t, d.Finish())
			c.want(t, filepath.Join(to, "t"))
		})
	}
}

// TestSeedWritesNothing, whatever stands there.
func TestSeedWritesNothing(t *testing.T) {
	c := tree()
	m, dir := c.torrent(t, kinds[0])
	must(t, os.Remove(filepath.Join(dir, "a")))
	must(t, os.Remove(filepath.Join(dir, "b/empty")))
	must(t, os.Truncate(filepath.Join(dir, "b/piece"), 10*pieceLength))
	list := func() (s string) {
		filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			fi, _ := e.Info()
			s += path + fi.Mode().String() + fi.ModTime().String() + "\n"
			return err
		})
		return s
	}
	before := list()
	d := open(t, Config{MetaInfo: m, Data: dir, Resume: filepath.Join(t.TempDir(), "r")})
	check(t, d)
	if d.Complete() || d.Have() == 0 {
		t.Errorf("%d of %d pieces, want some", d.Have(), m.Info.Pieces.Count())
	}
	if err := d.WritePiece(0, [][]byte{make([]byte, pieceLength)}); err != ErrReadOnly {
		t.Errorf("WritePiece: got %v, want ErrReadOnly", err)
	}
	must(t, d.Close())
	if after := list(); after != before {
		t.Errorf("changed:\n%s\nwas:\n%s", after, before)
	}
}

// TestWriteErrors names path and cause, and does not hold the piece.
func TestWriteErrors(t *testing.T) {
	c := content{"a": random(1, 40_000), "b": random(2, 40_000)}
	seed, _ := seedOf(t, c, kinds[0], nil)
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT, syscall.EROFS, syscall.EFBIG} {
		to := t.TempDir()
		d := open(t, Config{MetaInfo: seed.cfg.MetaInfo, Dir: to})
		d.files.writev = func(f *os.File, blocks [][]byte, off int64) (int, error) {
			if filepath.Base(f.Name()) == "b" {
				n, _ := pwritev(f, blocks[:1], off)
				return n - 1, errno
			}
			return pwritev(f, blocks, off)
		}
		must(t, d.WritePiece(0, blocksOf(t, seed, 0)))
		err := d.WritePiece(1, blocksOf(t, seed, 1))
		if !errors.Is(err, errno) || !strings.Contains(err.Error(), filepath.Join(to, "t", "b")) || d.Has(1) {
			t.Errorf("got %v, held %v, want %v and the path", err, d.Has(1), errno)
		}
		d.files.writev = pwritev
		fetch(t, d, seed)
		must(t, d.Finish())
		c.want(t, filepath.Join(to, "t"))
	}
}

// TestFullDisk fills a real file system, of a process with a limit on the
// size of files: beyond that of go test's own log, which grows meanwhile.
func TestFullDisk(t *testing.T) {
	data := random(1, 68*pieceLength)
	m, path := file(t, kinds[0], data)
	seed := open(t, Config{MetaInfo: m, Data: path})
	check(t, seed)
	var old unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &old))
	limited := old
	limited.Cur = 64*pieceLength + 1000
	must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &limited))
	defer unix.Setrlimit(unix.RLIMIT_FSIZE, &old)
	to := t.TempDir()
	d := open(t, Config{MetaInfo: m, Dir: to})
	err := d.WritePiece(66, blocksOf(t, seed, 66))
	if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), filepath.Join(to, "f")) {
		t.Errorf("got %v, want EFBIG and the path", err)
	}
	must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &old))
	fetch(t, d, seed)
	content{"f": data}.want(t, to)
}

// TestShortWrites has the disk take odd amounts at a time.
func TestShortWrites(t *testing.T) {
	c := tree()
	seed, _ := seedOf(t, c, kinds[0], nil)
	to := t.TempDir()
	d := open(t, Config{MetaInfo: seed.cfg.MetaInfo, Dir: to})
	d.files.writev = func(f *os.File, blocks [][]byte, off int64) (int, error) {
		joined := bytes.Join(blocks, nil)
		return f.WriteAt(joined[:min(len(joined), 7001)], off)
	}
	fetch(t, d, seed)
	must(t, d.Finish())
	c.want(t, filepath.Join(to, "t"))
}

func TestWriteArguments(t *testing.T) {
	m, _ := file(t, kinds[0], random(1, pieceLength+10))
	d := open(t, Config{MetaInfo: m, Dir: t.TempDir()})
	tests := []struct {
		piece  int
		blocks [][]byte
		want   error
	}{
		{-1, nil, ErrRange}, {2, nil, ErrRange}, {1, nil, ErrPiece},
		{1, [][]byte{make([]byte, 11)}, ErrPiece}, {1, [][]byte{make([]byte, 9)}, ErrPiece},
		{1, [][]byte{{}, make([]byte, 4), {}, {}, make([]byte, 6), {}}, nil},
	}
	for _, tt := range tests {
		if err := d.WritePiece(tt.piece, tt.blocks); !errors.Is(err, tt.want) {
			t.Errorf("WritePiece(%d, %d blocks): got %v, want %v", tt.piece, len(tt.blocks), err, tt.want)
		}
	}
}

func TestCut(t *testing.T) {
	blocks := [][]byte{[]byte("abc"), {}, []byte("def"), []byte("g")}
	for n := range 8 {
		head, tail := cut(blocks, int64(n))
		if got := string(bytes.Join(head, nil)) + "|" + string(bytes.Join(tail, nil)); got != "abcdefg"[:n]+"|"+"abcdefg"[n:] {
			t.Errorf("cut at %d: got %s", n, got)
		}
	}
	if string(bytes.Join(blocks, nil)) != "abcdefg" {
		t.Error("cut has changed its argument")
	}
}

// TestRemovedWhileWriting makes a file again that somebody removes, and
// fetches what was in it.
func TestRemovedWhileWriting(t *testing.T) {
	c := content{"sub/a": random(1, 4*pieceLength), "sub/b": random(2, 4*pieceLength)}
	seed, _ := seedOf(t, c, kinds[0], nil)
	to := t.TempDir()
	lost := 0
	d := open(t, Config{MetaInfo: seed.cfg.MetaInfo, Dir: to, OnLost: func(int) { lost++ }})
	for p := range 3 {
		must(t, d.WritePiece(p, blocksOf(t, seed, p)))
	}
	old, err := os.Open(filepath.Join(to, "t/sub/a")) // so that no new file takes its inode
	must(t, err)
	defer old.Close()
	must(t, os.RemoveAll(filepath.Join(to, "t")))
	must(t, d.WritePiece(3, blocksOf(t, seed, 3)))
	if lost != 3 || d.Have() != 1 || !d.Has(3) {
		t.Errorf("%d lost, %d held, want 3 and piece 3", lost, d.Have())
	}
	fetch(t, d, seed)
	must(t, d.Finish())
	c.want(t, filepath.Join(to, "t"))
}

// TestConcurrent writes and reads all pieces at once, while files are removed:
// wrong bytes are never read.
func TestConcurrent(t *testing.T) {
	c := content{}
	for i := range 6 {
		c[string(rune('a'+i))] = random(uint64(i), 2*pieceLength+1000*i)
	}
	seed, _ := seedOf(t, c, kinds[0], nil)
	want := make([][]byte, seed.info.Pieces.Count())
	for p := range want {
		want[p] = bytes.Join(blocksOf(t, seed, p), nil)
	}
	to := t.TempDir()
	d := open(t, Config{MetaInfo: seed.cfg.MetaInfo, Dir: to})
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for range 300 {
				p := r.IntN(len(want))
				switch op := r.IntN(40); {
				case op == 0:
					os.Remove(filepath.Join(to, "t", string(rune('a'+r.IntN(6)))))
				case op < 20:
					err := d.WritePiece(p, [][]byte{want[p]})
					if err != nil && !errors.Is(err, os.ErrNotExist) {
						t.Errorf("WritePiece: %v", err)
					}
				default:
					got := make([]byte, len(want[p]))
					_, err := d.ReadAt(got, p, 0)
					if err == nil && !bytes.Equal(got, want[p]) {
						t.Errorf("piece %d: wrong bytes", p)
					}
					if err != nil && !errors.Is(err, ErrMissing) {
						t.Errorf("ReadAt: %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
	for p := range want { // what was removed last shows when it is read
		d.ReadAt(make([]byte, 1), p, 0)
	}
	d.files.open.closeAll()
	d.files.open.closed = false
	for p := range want {
		d.ReadAt(make([]byte, 1), p, 0)
		d.ReadAt(make([]byte, 1), p, int64(len(want[p])-1))
	}
	fetch(t, d, seed)
	must(t, d.Finish())
	c.want(t, filepath.Join(to, "t"))
}
