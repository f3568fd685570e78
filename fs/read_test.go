//go:build linux

package fs

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// noise returns n bytes that no two places have in common.
func noise(seed uint64, n int) []byte {
	c := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	b := make([]byte, n)
	c.Read(b)
	return b
}

// Sizes at which something could go wrong by one.
func TestMountSizes(t *testing.T) {
	tree := newMem()
	sizes := []int{0, 1, 511, 512, 4095, 4096, 4097, 16 << 10, 16<<10 + 1, 128<<10 - 1, 128 << 10, 128<<10 + 1, 1<<20 + 7}
	for _, n := range sizes {
		tree.put(name(n), noise(uint64(n), n))
	}
	m := mount(t, tree)
	for _, n := range sizes {
		p := filepath.Join(m.Dir(), name(n))
		got, err := os.ReadFile(p)
		if err != nil || !bytes.Equal(got, noise(uint64(n), n)) {
			t.Errorf("file of %d bytes: read %d, %v", n, len(got), err)
		}
		st, err := os.Stat(p)
		if err != nil || st.Size() != int64(n) || st.Mode() != 0o444 || st.ModTime().UnixNano() != 1_600_000_000_123456789 {
			t.Errorf("stat of %d bytes: %v, %v", n, st, err)
		}
		f, err := os.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, off := range []int64{int64(n), int64(n) + 1, 1 << 50} {
			if k, err := f.ReadAt(make([]byte, 10), off); k != 0 || err != io.EOF {
				t.Errorf("%d bytes at %d of a file of %d: %v", k, off, n, err)
			}
		}
		f.Close()
	}
}

func name(n int) string { return "size" + string(rune('a'+n%26)) + string(rune('a'+n/26%26)) }

// Random reads, by many readers at once, with pread, O_DIRECT and through
// memory maps, give what the file has.
func TestMountRandomReads(t *testing.T) {
	data := noise(1, randomSize)
	tree := newMem()
	tree.put("f", data)
	m := mount(t, tree)
	path := filepath.Join(m.Dir(), "f")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 7))
			for range 4 {
				flags := i % 3 / 2 * syscall.O_DIRECT
				if err := preads(path, data, r, flags); err != nil {
					t.Errorf("reader %d: %v", i, err)
				}
				drop(m, "f")
			}
		})
	}
	for range 2 {
		if p := spawn(t, "maps "+path); p.first != "equal" {
			t.Error(p.first)
		}
	}
	wg.Wait()
}

const randomSize = 3<<20 + 1234

// drop makes the kernel forget the pages of a file.
func drop(m *Mountpoint, path string) {
	if id, ok := m.server.files.nodes.at(path); ok {
		m.server.conn.InvalidateNode(id, 0, -1)
	}
}

func preads(path string, data []byte, r *rand.Rand, flags int) error {
	fd, err := unix.Open(path, unix.O_RDONLY|flags, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	mem, err := unix.Mmap(-1, 0, 512<<10, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	defer unix.Munmap(mem)
	for range 100 {
		off, n := r.IntN(len(data)+5000), 1+r.IntN(300<<10)
		if r.IntN(2) == 0 {
			n = 1 + r.IntN(5000)
		}
		if flags != 0 {
			off, n = off&^4095, (n+4095)&^4095
		}
		k, err := unix.Pread(fd, mem[:n], int64(off))
		want := data[min(off, len(data)):min(off+n, len(data))]
		if err != nil || !bytes.Equal(mem[:k], want) {
			return errors.Join(errors.New("pread differs"), err)
		}
	}
	return nil
}

func mapped(path string, data []byte, r *rand.Rand) error {
	fd, err := unix.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	mode := []int{unix.MAP_PRIVATE, unix.MAP_SHARED}[r.IntN(2)]
	mem, err := unix.Mmap(fd, 0, len(data), unix.PROT_READ, mode)
	if err != nil {
		return err
	}
	defer unix.Munmap(mem)
	for range 200 {
		off := r.IntN(len(data))
		end := min(len(data), off+r.IntN(10_000))
		if !bytes.Equal(mem[off:end], data[off:end]) {
			return errors.New("map differs")
		}
	}
	return nil
}

// What a program may use in place of read.
func TestMountCopies(t *testing.T) {
	data := noise(2, 300_000)
	tree := newMem()
	tree.put("f", data)
	m := mount(t, tree)
	ways := map[string]func(out, in *os.File) error{
		"sendfile": func(out, in *os.File) error {
			for n, err := 1, error(nil); n > 0; {
				if n, err = unix.Sendfile(int(out.Fd()), int(in.Fd()), nil, 1<<20); err != nil {
					return err
				}
			}
			return nil
		},
		"copy_file_range": func(out, in *os.File) error {
			for n, err := 1, error(nil); n > 0; {
				if n, err = unix.CopyFileRange(int(in.Fd()), nil, int(out.Fd()), nil, 1<<20, 0); err == unix.EXDEV {
					_, err = io.Copy(struct{ io.Writer }{out}, struct{ io.Reader }{in})
					return err
				} else if err != nil {
					return err
				}
			}
			return nil
		},
		"splice": spliceAll,
	}
	for name, copy := range ways {
		in, err := os.Open(filepath.Join(m.Dir(), "f"))
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		if err := copy(out, in); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := os.ReadFile(out.Name()); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s copied %d bytes, %v", name, len(got), err)
		}
		in.Close()
		out.Close()
	}
}

func spliceAll(out, in *os.File) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	defer w.Close()
	for {
		n, err := unix.Splice(int(in.Fd()), nil, int(w.Fd()), nil, 1<<16, 0)
		if n == 0 || err != nil {
			return err
		}
		for n > 0 {
			k, err := unix.Splice(int(r.Fd()), nil, int(out.Fd()), nil, int(n), 0)
			if err != nil {
				return err
			}
			n -= k
		}
	}
}

// A read the content cannot serve ends with its errno, and the next one works.
func TestMountReadError(t *testing.T) {
	tree := newMem()
	tree.put("bad", make([]byte, 10)).err = errors.New("hash mismatch")
	tree.put("scanned", make([]byte, 10)).err = ErrAgain
	tree.put("good", []byte("fine"))
	m := mount(t, tree)
	for name, want := range map[string]error{"bad": syscall.EIO, "scanned": syscall.EAGAIN, "good": nil, "none": syscall.ENOENT} {
		fd, err := unix.Open(filepath.Join(m.Dir(), name), unix.O_RDONLY, 0)
		if err == nil {
			_, err = unix.Pread(fd, make([]byte, 10), 0)
			unix.Close(fd)
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}
