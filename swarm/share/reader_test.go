package share

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"p2pfs/swarm/share/inode"
)

func TestReadAt(t *testing.T) {
	b := openBox(t, nil)
	data := random(300<<10 + 5)
	b.write("f", data)
	f := b.await("f")
	r, err := b.Reader(f.Content())
	b.must(err)
	size := int64(len(data))
	if r.Size() != size {
		t.Errorf("size %d, want %d", r.Size(), size)
	}
	for _, c := range []struct {
		off  int64
		n    int
		want int
		err  error
	}{
		{0, 10, 10, nil}, {0, 0, 0, nil}, {size - 5, 5, 5, nil}, {size - 5, 6, 5, io.EOF},
		{size, 1, 0, io.EOF}, {size + 100, 1, 0, io.EOF}, {0, len(data) + 9, len(data), io.EOF},
		{64<<10 - 1, 2, 2, nil},
	} {
		p := make([]byte, c.n)
		n, err := r.ReadAt(p, c.off)
		if n != c.want || err != c.err || n > 0 && !bytes.Equal(p[:n], data[c.off:c.off+int64(n)]) {
			t.Errorf("ReadAt(%d bytes, %d) = %d, %v; want %d, %v", c.n, c.off, n, err, c.want, c.err)
		}
	}
	if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("negative offset: no error")
	}
}

// fileChange is a way in which a published file may change.
type fileChange struct {
	do     func(b *box, path string, data []byte) error
	served bool // the published contents can still be read
}

func overwrite(path string, off int64, with []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(with, off)
	return errors.Join(err, f.Close())
}

func flip(off int64) func(*box, string, []byte) error {
	return func(_ *box, path string, data []byte) error {
		return overwrite(path, off, []byte{data[off] ^ 1})
	}
}

// keepTime does something and puts the modification time back.
func keepTime(do func(*box, string, []byte) error) func(*box, string, []byte) error {
	return func(b *box, path string, data []byte) error {
		fi, err := os.Stat(path)
		if err != nil {
			return err
		}
		return errors.Join(do(b, path, data), os.Chtimes(path, time.Time{}, fi.ModTime()))
	}
}

func fileChanges() map[string]fileChange {
	return map[string]fileChange{
		"nothing":        {func(*box, string, []byte) error { return nil }, true},
		"chmod":          {func(b *box, p string, _ []byte) error { return os.Chmod(p, 0o755) }, true},
		"renamed":        {func(b *box, p string, _ []byte) error { return os.Rename(p, b.path("g")) }, true},
		"first byte":     {flip(0), false},
		"cut":            {func(b *box, p string, _ []byte) error { return os.Truncate(p, 1000) }, false},
		"cut to nothing": {func(b *box, p string, _ []byte) error { return os.Truncate(p, 0) }, false},
		"longer":         {func(b *box, p string, _ []byte) error { return os.Truncate(p, 1<<20) }, false},
		"touched back":   {keepTime(func(b *box, p string, d []byte) error { return overwrite(p, 0, d[:10]) }), true},
		"forged first":   {keepTime(flip(0)), false},
		"forged last":    {keepTime(flip(300<<10 + 4)), false},
		"forged middle":  {keepTime(flip(100 << 10)), false},
		"removed":        {func(b *box, p string, _ []byte) error { return os.Remove(p) }, false},
		"fifo in its place": {func(b *box, p string, _ []byte) error {
			return errors.Join(os.Remove(p), unix.Mkfifo(p, 0o644))
		}, false},
		"directory in its place": {func(b *box, p string, _ []byte) error {
			return errors.Join(os.Remove(p), os.Mkdir(p, 0o755))
		}, false},
		"link in its place": {func(b *box, p string, _ []byte) error {
			return errors.Join(os.Remove(p), os.Symlink("/etc/passwd", p))
		}, false},
		"another in its place": {func(b *box, p string, d []byte) error {
			return errors.Join(os.WriteFile(b.path(".x"), random(len(d)), 0o644), os.Rename(b.path(".x"), p))
		}, false},
	}
}

// TestNoWrongByte changes a published file in every way there is and reads
// right behind it. What is read is what was published, or an error.
func TestNoWrongByte(t *testing.T) {
	for name, c := range fileChanges() {
		for _, warm := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/open %v", name, warm), func(t *testing.T) {
				b := openBox(t, nil)
				data := random(300<<10 + 5)
				b.write("f", data)
				f := b.await("f")
				r, err := b.Reader(f.Content())
				b.must(err)
				if warm {
					_, err := r.ReadAt(make([]byte, 100), 0)
					b.must(err)
				}
				b.must(c.do(b, b.path("f"), data))
				for i := range 3 {
					bad := readAll(r, data)
					atOnce := name == "nothing" || name == "chmod" || name == "renamed" && warm
					if bad != nil && atOnce {
						t.Errorf("read %d: %v", i, bad)
					}
					if bad == nil && !c.served && !warm {
						t.Errorf("read %d: all is right though it changed", i)
					}
					if errors.Is(bad, errWrong) {
						t.Fatal(bad)
					}
				}
				if c.served {
					b.until("readable", func() bool { return readAll(r, data) == nil })
				}
			})
		}
	}
}

var errWrong = errors.New("wrong bytes")

// readAll reads everything in random pieces and compares.
func readAll(r *Reader, data []byte) error {
	p := make([]byte, 20000)
	for _, block := range rand.Perm(len(data)/len(p) + 1) {
		off := block * len(p)
		n, err := r.ReadAt(p, int64(off))
		if err != nil && err != io.EOF {
			return err
		}
		if want := data[off:min(off+len(p), len(data))]; !bytes.Equal(p[:n], want) {
			return fmt.Errorf("%w at %d", errWrong, off)
		}
	}
	return nil
}

// TestVerifiedOnce renames a file and reads it: its pieces are verified, and
// that is remembered over a restart.
func TestVerifiedOnce(t *testing.T) {
	b := openBox(t, nil)
	data := random(1<<20 + 99)
	b.write("f", data)
	b.await("f")
	b.must(os.Rename(b.path("f"), b.path("g")))
	f := b.await("g")
	b.old("g")
	ctime := func() (recorded, now int64) {
		file, m, err := b.folder.open("g")
		b.must(err)
		defer file.Close()
		sum, _ := b.records.Find(m.ID)
		return sum.CTime, m.CTime
	}
	r, err := b.Reader(f.Content())
	b.must(err)
	_, err = r.ReadAt(make([]byte, 10), 500000)
	b.must(err)
	if recorded, now := ctime(); recorded == now {
		t.Error("one piece was read, but all count as verified")
	}
	b.holds(f, data)
	if recorded, now := ctime(); recorded != now {
		t.Errorf("all was read, but the change time on record is %d, not %d", recorded, now)
	}
	b.reopen()
	f = b.await("g")
	b.holds(f, data)
	e, _ := b.set.ByContent(f.Content())
	if _, now := ctime(); e.CTime.Load() != now {
		t.Error("to be verified again after a restart")
	}
}

// old waits until the last change of a file is told from one that would follow.
func (b *box) old(path string) {
	b.t.Helper()
	b.stats("old", func(Stats) bool {
		f, m, err := b.folder.open(path)
		b.must(err)
		f.Close()
		return inode.Young(m.CTime, time.Now()) == 0
	})
}

// TestForgedFileIsHashedAgain has contents change with size and modification
// time kept: nothing but a reader can tell, and does.
func TestForgedFileIsHashedAgain(t *testing.T) {
	b := openBox(t, nil)
	data := random(200 << 10)
	b.write("d/e/f", data)
	old := b.await("d/e/f")
	fi, err := os.Stat(b.path("d/e/f"))
	b.must(err)
	data[150<<10]++
	b.must(os.WriteFile(b.path("d/e/f"), data, 0o644))
	b.must(os.Chtimes(b.path("d/e/f"), time.Time{}, fi.ModTime()))
	b.reopen()
	if f := b.await("d/e/f"); f.Root == old.Root { // else it was hashed in between
		if got, err := b.read(f); err == nil {
			t.Errorf("got %v, want an error; the bytes are the new ones: %v", err, bytes.Equal(got, data))
		}
	}
	b.until("new contents", func() bool { f, _ := b.file("d/e/f"); return !f.Root.IsZero() && f.Root != old.Root })
	f, _ := b.file("d/e/f")
	b.holds(f, data)
}

func TestLostHashesAreMadeAgain(t *testing.T) {
	b := openBox(t, nil)
	data := random(200 << 10)
	b.write("d/e/f", data)
	f := b.await("d/e/f")
	e, _ := b.set.ByContent(f.Content())
	b.records.Drop(e.ID)
	if _, err := b.MetaInfo(f, V1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that it does not exist", err)
	}
	b.stats("hashed again", func(st Stats) bool { return st.Hashed == 2 })
	checkTorrents(t, b, b.await("d/e/f"))
}

func TestKeep(t *testing.T) {
	b := openBox(t, func(c *Config) { c.test.maxOpen = 2 })
	data := random(100 << 10)
	b.write("f", data)
	f := b.await("f")
	r, err := b.Reader(f.Content())
	b.must(err)
	b.must(r.Keep())
	b.must(r.Keep()) // once more does nothing
	for i := range 10 {
		name := fmt.Sprint(i)
		b.write(name, random(1000+i))
		b.holds(b.await(name), mustRead(t, b.path(name)))
	}
	b.must(os.Remove(b.path("f")))
	b.gone("f")
	b.serve.Expire(time.Now().Add(time.Hour))
	if err := readAll(r, data); err != nil {
		t.Errorf("kept, but: %v", err)
	}
	b.must(r.Close())
	b.must(r.Close())
	b.serve.Expire(time.Now().Add(time.Hour))
	if err := readAll(r, data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("closed, got %v", err)
	}
	if n := b.openFiles(); n != 0 {
		t.Errorf("%d files open, want none", n)
	}
}

// openFiles counts the descriptors of regular files in the share directory, when
// none is needed to flush the disk.
func (b *box) openFiles() (n int) {
	b.t.Helper()
	b.saved()
	entries, err := os.ReadDir("/proc/self/fd")
	b.must(err)
	for _, e := range entries {
		to, _ := os.Readlink("/proc/self/fd/" + e.Name())
		if strings.HasPrefix(to, b.dir+"/") && !strings.HasSuffix(to, "/d") {
			n++
		}
	}
	return n
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestManyReadersFewDescriptors(t *testing.T) {
	const files, limit = 40, 8
	b := openBox(t, func(c *Config) { c.test.maxOpen = limit })
	var data [files][]byte
	for i := range files {
		data[i] = random(70000 + i)
		b.write(fmt.Sprint(i), data[i])
	}
	b.until("all", func() bool { return b.Stats().Files == files })
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			for range 100 {
				i := r.IntN(files)
				f, ok := b.file(fmt.Sprint(i))
				if !ok {
					t.Error("not published")
					return
				}
				rd, err := b.Reader(f.Content())
				if err == nil {
					err = readAll(rd, data[i])
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := b.openFiles(); n > limit {
		t.Errorf("%d files open, want at most %d", n, limit)
	}
}

// TestReadersAgainstWriters reads while files are replaced, renamed and cut.
func TestReadersAgainstWriters(t *testing.T) {
	b := openBox(t, fast)
	r := rand.New(rand.NewPCG(7, 7))
	contents := sync.Map{} // by root
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var reads int
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, f := range b.Files() {
				if f.Kind != Regular {
					continue
				}
				got, err := b.read(f)
				want, known := contents.Load(f.Root)
				if err == nil && known && !bytes.Equal(got, want.([]byte)) {
					t.Errorf("%s: wrong bytes", f.Path)
				}
				if err == nil && !known {
					contents.Store(f.Root, got)
				}
				reads++
			}
		}
	})
	for i := range 150 {
		p := b.path(fmt.Sprint(r.IntN(5)))
		switch r.IntN(5) {
		case 0, 1:
			b.must(os.WriteFile(p, random(1+r.IntN(200000)), 0o644))
		case 2:
			b.must(os.WriteFile(b.path(".t"), random(1+r.IntN(100000)), 0o644))
			b.must(os.Rename(b.path(".t"), p))
		case 3:
			os.Truncate(p, int64(r.IntN(100000)))
		case 4:
			os.Rename(p, b.path(fmt.Sprint(r.IntN(5))))
		}
		if i%10 == 0 {
			b.must(os.Mkdir(b.path(fmt.Sprint("d", i)), 0o755))
			b.await(fmt.Sprint("d", i))
		}
	}
	close(stop)
	wg.Wait()
	t.Logf("%d reads", reads)
}

func TestReaderErrorsOfTheDisk(t *testing.T) {
	b := openBox(t, nil)
	b.write("f", random(1000))
	f := b.await("f")
	var lim unix.Rlimit
	b.must(unix.Getrlimit(unix.RLIMIT_NOFILE, &lim))
	low := lim
	low.Cur = 1
	b.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &low))
	_, err := b.read(f)
	b.must(unix.Setrlimit(unix.RLIMIT_NOFILE, &lim))
	if !errors.Is(err, syscall.EMFILE) {
		t.Errorf("got %v, want EMFILE", err)
	}
	if _, err := b.read(f); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
