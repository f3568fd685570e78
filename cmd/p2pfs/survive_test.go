//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"p2pfs/swarm/swarmtest"
)

// TestOpenFilesSurvive has a file replaced, then deleted, and its publisher
// leave, while another member has it open and has read its head: the rest still
// comes, from a third who holds it, and is that of the version that was opened.
func TestOpenFilesSurvive(t *testing.T) {
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker()).start()
	c := newMounted(t, t.Name(), "carl", "--tracker", a.tracker()).start()
	data := map[string][]byte{}
	open := map[string]*os.File{}
	for i, name := range []string{"replaced", "deleted", "left"} {
		data[name] = swarmtest.Bytes(uint64(i), 3<<20+i)
		a.write(name, data[name])
		c.sees(name, data[name])
		within(t, patience, func() (err error) { open[name], err = os.Open(b.mnt(name)); return err })
		defer open[name].Close()
		if _, err := open[name].ReadAt(make([]byte, 4096), 0); err != nil {
			t.Fatal(err)
		}
	}
	a.write("replaced", []byte("another version"))
	if err := os.Remove(a.share("deleted")); err != nil {
		t.Fatal(err)
	}
	b.sees("replaced", []byte("another version"))
	b.misses("deleted")
	a.stop()
	for name, f := range open {
		got, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
		if err != nil || !bytes.Equal(got, data[name]) {
			t.Errorf("%s: read %d bytes, want %d; %v", name, len(got), len(data[name]), err)
		}
		if info, err := f.Stat(); err != nil || info.Size() != int64(len(data[name])) {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestChangesAreWhole lists and looks at files on one side while they are
// replaced on the other: no call fails but for a name that is gone, and what is
// read is one version or another, never some of both.
func TestChangesAreWhole(t *testing.T) {
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker()).start()
	version := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i)}, 20_000+i*997) }
	const files = 6
	name := func(i int) string { return fmt.Sprint("dir/file", i%files) }
	put := func(i int) { // by rename, as editors do
		if err := errors.Join(os.WriteFile(a.share(".new"), version(i), 0o644), os.Rename(a.share(".new"), a.share(name(i)))); err != nil {
			t.Error(err)
		}
	}
	a.write("dir/always", []byte("here"))
	for i := range files {
		put(i)
	}
	for i := range files {
		b.sees(name(i), version(i))
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	look := func(i int) error {
		names, err := os.ReadDir(b.mnt("dir"))
		if err != nil || len(names) != files+1 {
			return fmt.Errorf("listed %v, %w", names, err)
		}
		if info, err := os.Stat(b.mnt(name(i))); err != nil || (info.Size()-20_000)%997 != 0 {
			return fmt.Errorf("stat: %v, %w", info, err)
		}
		got, err := os.ReadFile(b.mnt(name(i)))
		if err != nil || len(got) == 0 || !bytes.Equal(got, version(int(got[0]-'a'))) {
			return fmt.Errorf("read %d bytes, %w", len(got), err)
		}
		return nil
	}
	for range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				if err := look(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	defer wg.Wait()
	defer close(done)
	for i := files; i < 2*files; i++ { // each once: what changes again and again is published ever more rarely
		put(i)
		b.sees(name(i), version(i))
	}
}

// TestVerifiedReads has sixteen jobs read places and lengths by chance, with
// and without the page cache and backwards too, while peers leave in the middle
// of blocks and come back, and the cache has no room for the file.
func TestVerifiedReads(t *testing.T) {
	for _, kind := range []swarmtest.Kind{swarmtest.V1, swarmtest.V2} {
		tor := swarmtest.MakeFile(t, kind, "data.bin", 6<<20+1234, 64<<10)
		flags := []string{"--no-embedded-tracker", "--cache-size", "2MiB"}
		leaving := func(c *swarmtest.Conn) error { return c.Close() }
		for _, b := range []swarmtest.Behaviour{swarmtest.Honest(tor), swarmtest.Vanish(tor, 20, leaving), swarmtest.Vanish(tor, 50, leaving)} {
			flags = append(flags, "--peer", swarmtest.Serve(t, b).Addr.String())
		}
		m := newMounted(t, t.Name()+string(kind), "anna", flags...).start(tor.WriteTorrent(t, t.TempDir()))
		path := m.mnt(".p2pfs/torrents/data.bin")
		var wg sync.WaitGroup
		for job := range 16 {
			wg.Go(func() {
				if err := verifyReads(path, tor.Space, job); err != nil {
					t.Errorf("%s, job %d: %v", kind, job, err)
				}
			})
		}
		wg.Wait()
		m.stop()
	}
}

// verifyReads reads a file whose bytes are data here and there.
func verifyReads(path string, data []byte, job int) error {
	flags := unix.O_RDONLY | job%2*unix.O_DIRECT
	fd, err := unix.Open(path, flags, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	mem, err := unix.Mmap(-1, 0, 512<<10, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	defer unix.Munmap(mem)
	r := rand.New(rand.NewPCG(uint64(job), 1))
	at := len(data)
	for range 30 {
		n := 1 + r.IntN(256<<10)
		off := r.IntN(len(data) + 5000)
		if job%4 == 2 { // backwards
			at = max(0, at-n)
			off = at
		}
		if job%2 == 1 {
			off, n = off&^4095, (n+4095)&^4095
		}
		k, err := unix.Pread(fd, mem[:n], int64(off))
		if err != nil {
			return fmt.Errorf("%d bytes at %d: %w", n, off, err)
		}
		if !bytes.Equal(mem[:k], data[min(off, len(data)):min(off+n, len(data))]) {
			return fmt.Errorf("%d bytes at %d: others", n, off)
		}
	}
	return nil
}

// TestTools runs a program from the mount and follows a file with tail -f.
func TestTools(t *testing.T) {
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker()).start()
	program, err := os.ReadFile("/usr/bin/head")
	if err != nil {
		t.Fatal(err)
	}
	a.write("program", program)
	a.write("text", []byte(strings.Repeat("line\n", 50_000)+"last\n"))
	if err := os.Chmod(a.share("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	within(t, patience, func() error {
		_, err := os.Stat(b.mnt("text"))
		return errors.Join(err, unix.Access(b.mnt("program"), unix.X_OK))
	})
	for _, way := range []string{
		`"$1/program" -n 1 "$1/text" | grep -qx line`,
		`cp "$1/text" "$2/copied" && cmp "$2/copied" "$1/text"`,
		`[ "$(tail -n 1 "$1/text")" = last ]`,
		`[ "$(timeout --signal=INT 1 tail -n 1 -f "$1/text")" = last ]`,
	} {
		if out, err := shell(way, b.mnt(), t.TempDir()); err != nil {
			t.Errorf("%s: %v: %s", way, err, out)
		}
	}
}

// shell runs a line with arguments.
func shell(line string, args ...string) (string, error) {
	out, err := exec.Command("sh", append([]string{"-c", line, "sh"}, args...)...).CombinedOutput()
	return string(out), err
}
