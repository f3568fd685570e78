//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/swarm/swarmtest"
)

// needRoot ends the test unless it may mount file systems: it fails it where CI
// is set.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("mounting a tmpfs needs root, and CI is set")
	}
	t.Skip("LEFT OUT: mounting a tmpfs needs root")
}

// tinyDisk mounts a tmpfs of that many bytes.
func tinyDisk(t *testing.T, dir string, size int) {
	t.Helper()
	needRoot(t)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("p2pfs-test", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
}

// remount makes a mounted disk read-only, or writable again.
func remount(t *testing.T, dir string, readOnly bool) {
	t.Helper()
	flags := uintptr(unix.MS_REMOUNT | unix.MS_BIND)
	if readOnly {
		flags |= unix.MS_RDONLY
	}
	if err := unix.Mount("", dir, "", flags, ""); err != nil {
		t.Fatal(err)
	}
}

// fresh reads a file of the mount past what the kernel has kept of it.
func (m *mounted) fresh(path string) ([]byte, error) {
	f, err := os.OpenFile(m.mnt(path), os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data := make([]byte, info.Size())
	_, err = io.ReadFull(f, data)
	return data, err
}

// reads fails unless a file reads as data, by way of p2pfs.
func (m *mounted) reads(path string, data []byte) {
	m.t.Helper()
	m.listed(path)
	if got, err := m.fresh(path); err != nil || !bytes.Equal(got, data) {
		m.t.Fatalf("%s: %d bytes, %v, or wrong ones", path, len(got), err)
	}
}

// logged fails unless the log holds a text so often.
func (m *mounted) logged(text string, times int) {
	m.t.Helper()
	within(m.t, patience, func() error {
		if n := strings.Count(m.stderr.String(), text); n < times {
			return fmt.Errorf("log has %q %d times, want %d:\n%s", text, n, times, m.stderr)
		}
		return nil
	})
	if n := strings.Count(m.stderr.String(), text); n != times {
		m.t.Errorf("log has %q %d times, want %d:\n%s", text, n, times, m.stderr)
	}
}

// TestCacheDisk fills the cache's disk and makes it read-only: reads go on, it
// is said once, and the cache is used again when that is over.
func TestCacheDisk(t *testing.T) {
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker())
	disk := filepath.Join(b.base, "cache")
	tinyDisk(t, disk, 3<<20)
	b.start("--keep-free", "0")
	file := func(name string) []byte {
		data := swarmtest.Bytes(uint64(len(name)), 1<<20+len(name))
		a.write(name, data)
		return data
	}
	held := func(name string) bool { return b.blocks(name) > 512<<10 }
	const refused, again = "cache takes no more pieces", "cache takes pieces again"

	b.reads("first", file("first"))
	b.agree("first")
	b.command("evict", "").want(t, cli.ExitDone, "evicted 1.0 MiB")
	others := filepath.Join(disk, "others")
	if err := os.WriteFile(others, make([]byte, 4<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("filling the disk: %v", err)
	}
	full := file("full")
	b.reads("full", full)
	b.reads("full", full)
	b.logged(refused, 1)
	if s := status(t, b).Cache; s.Trouble == "" || s.Used != 0 || s.Room != 0 {
		t.Errorf("status with a full disk: %+v", s)
	}
	b.command("prefetch", "full").want(t, cli.ExitFailed, "it cannot be kept: cache: no room")
	if err := os.Remove(others); err != nil {
		t.Fatal(err)
	}
	b.reads("after full", file("after full"))
	b.logged(again, 1)
	within(t, patience, func() error {
		if !held("after full") {
			return errors.New("nothing was kept")
		}
		return nil
	})

	remount(t, disk, true)
	b.reads("read-only", file("read-only"))
	b.reads("after full", file("after full")) // from the cache
	b.logged(refused, 2)
	b.logged("read-only file system", 1)
	if held("read-only") {
		t.Error("a read-only disk has taken pieces")
	}
	remount(t, disk, false)
	b.reads("writable", file("writable"))
	b.logged(again, 2)
	if s := status(t, b).Cache; s.Trouble != "" {
		t.Errorf("status at the end: %+v", s)
	}
}

// TestCacheDamage changes pieces under a running member in every way: readers
// and peers get right bytes, and nobody is banned for wrong ones.
func TestCacheDamage(t *testing.T) {
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker()).start()
	c := newMounted(t, t.Name(), "carl", "--tracker", a.tracker()).start()
	data := swarmtest.Bytes(5, 1<<20)
	a.write("file", data)
	b.reads("file", data)
	damages := []struct {
		name string
		do   func(paths []string) error
	}{
		{"flipped", func(paths []string) (err error) {
			for _, path := range paths {
				err = errors.Join(err, edit(path, func(p []byte) []byte { p[len(p)/3] ^= 1; return p }))
			}
			return err
		}},
		{"truncated", func(paths []string) (err error) {
			for i, path := range paths {
				err = errors.Join(err, os.Truncate(path, int64(i)*1000))
			}
			return err
		}},
		{"swapped", func(paths []string) (err error) {
			for i := 1; i < len(paths); i += 2 {
				err = errors.Join(err, os.Rename(paths[i-1], paths[i]+"x"), os.Rename(paths[i], paths[i-1]), os.Rename(paths[i]+"x", paths[i]))
			}
			return err
		}},
		{"removed", func(paths []string) (err error) { return os.RemoveAll(filepath.Join(b.base, "cache")) }},
	}
	for _, d := range damages {
		within(t, patience, func() error {
			if n := len(b.cacheFiles()); n != 16 {
				return fmt.Errorf("%d pieces are in the cache, want 16", n)
			}
			return nil
		})
		if err := d.do(b.cacheFiles()); err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
		c.reads("file", data) // from both
		b.reads("file", data)
		c.command("evict", "").want(t, cli.ExitDone, "evicted")
		b.command("verify", "file") // files that are open were read on, rightly, when others took their names
		b.command("prefetch", "file").want(t, cli.ExitDone, "fetched 1 file")
		b.command("verify", "file").want(t, cli.ExitDone, "16 pieces, 1.0 MiB, of 1 file: all good")
	}
	b.logged("cache directory was removed, made it again", 1)
	if n := strings.Count(b.stderr.String(), "piece dropped"); n == 0 || n > 4 {
		t.Errorf("%d lines of dropped pieces, want one a kind:\n%s", n, b.stderr)
	}
	for _, m := range []*mounted{a, b, c} {
		m.logged("banned", 0)
	}
}

// edit changes what a file holds, in place.
func edit(path string, f func([]byte) []byte) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, f(data), 0o600)
}
