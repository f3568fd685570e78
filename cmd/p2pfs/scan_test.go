//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	p2fs "p2pfs/fs"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/hashing"
)

func TestRefusedNames(t *testing.T) {
	s, err := newScans(indexers+", my scanner ,", 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"tracker-extract", "tracker-extract-3", "tracker-miner-f", "localsearch-3", "baloo_file", "baloo_file_extr", "updatedb.plocate",
		"ffmpegthumbnail", "tumblerd", "clamd", "my scanner",
	} {
		if !s.matches([]string{"x", name}) {
			t.Errorf("%s is let in", name)
		}
	}
	for _, name := range []string{"cat", "tracker", "file", "my", "vlc", ""} {
		if s.matches([]string{name}) {
			t.Errorf("%s is refused", name)
		}
	}
	if none, err := newScans("", 0, nil); err != nil || none.matches([]string{"clamd", ""}) {
		t.Errorf("an empty list refuses, %v", err)
	}
	if _, err := newScans("[", 0, nil); err == nil {
		t.Error("a bad pattern is taken")
	}
	r := runArgs(t, "mount", t.TempDir(), "--refuse", "[")
	r.want(t, cli.ExitUsage, "--refuse")
}

// someFile is an open file of that size, of which nothing is here.
func someFile(i int, size int64) *coming {
	return &coming{path: fmt.Sprint("f", i), node: node{entry: &catalog.Entry{}, Entry: p2fs.Entry{Size: size}}}
}

// A process that looks into many files is fetched no more than that, and that
// only up to the limit, which comes back in the course of an hour. One that
// reads files whole, be they many, is never held back.
func TestScanning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 100 * hashing.BlockSize
		s, _ := newScans("", limit, slog.New(slog.DiscardHandler))
		tid, size := os.Getpid(), int64(1<<20)
		for i := range scanFiles {
			if sparing, err := s.judge(tid, someFile(i, size), 0, 4096, false); sparing || err != nil {
				t.Fatalf("file %d: %v, %v", i, sparing, err)
			}
		}
		if sparing, err := s.judge(tid, someFile(scanFiles, size), 0, 128<<10, true); !sparing || err != p2fs.ErrAhead {
			t.Fatalf("what the kernel reads ahead: %v, %v", sparing, err)
		}
		served := 0
		for i := range 1000 {
			sparing, err := s.judge(tid, someFile(100+i, size), 0, 4096, false)
			if !sparing || err != nil && !errors.Is(err, p2fs.ErrAgain) {
				t.Fatalf("file %d: %v, %v", i, sparing, err)
			}
			if err == nil {
				served++
			}
		}
		if served != 100 {
			t.Errorf("%d files served, want 100", served)
		}
		time.Sleep(30 * time.Minute)
		if _, err := s.judge(tid, someFile(5000, size), 0, 4096, false); err != nil {
			t.Errorf("after half an hour: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s, _ := newScans("", 1, slog.New(slog.DiscardHandler))
		for i := range 500 {
			for off := int64(0); off < 1<<20; off += 64 << 10 {
				if sparing, err := s.judge(os.Getpid(), someFile(i, 1<<20), off, 64<<10, false); sparing || err != nil {
					t.Fatalf("file %d at %d: %v, %v", i, off, sparing, err)
				}
			}
		}
	})
}

// A program with the name of an indexer gets EAGAIN for what is not here, and
// the rest; one that looks into many files fetches little; with --refuse "" it
// is served. Others get everything.
func TestIndexers(t *testing.T) {
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--tracker", a.tracker()).start()
	const files, size = 60, 256 << 10
	data := make([]byte, size)
	for i := range files {
		data[0] = byte(i) // another file each
		a.write(fmt.Sprintf("f%02d", i), data)
	}
	within(t, patience, func() error {
		if got, err := filepath.Glob(b.mnt("f*")); err != nil || len(got) != files {
			return fmt.Errorf("%d files, %v", len(got), err)
		}
		return nil
	})
	tracker := named(t, "tracker-extract-3")
	out, err := exec.Command(tracker, "-c", "16", b.mnt("f00")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "temporarily unavailable") {
		t.Errorf("an indexer: %v, %q", err, out)
	}
	if n := status(t, b).Traffic.Downloaded; n > size {
		t.Errorf("an indexer had %d bytes fetched", n)
	}
	b.sees("f00", append([]byte{0}, data[1:]...))
	if out, err := exec.Command(tracker, "-c", "16", b.mnt("f00")).CombinedOutput(); err != nil || len(out) != 16 {
		t.Errorf("an indexer, of what is here: %v, %q", err, out)
	}
	before := status(t, b).Traffic.Downloaded
	heads, err := filepath.Glob(b.mnt("f[1-5]*"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(named(t, "look"), append([]string{"-q", "-c", "2000"}, heads...)...)
	cmd.Stdout = io.Discard
	if err := cmd.Run(); err != nil {
		t.Errorf("looking into files: %v", err)
	}
	if n := status(t, b).Traffic.Downloaded - before; n > int64(len(heads))*size/4 {
		t.Errorf("%d bytes fetched for %d looks", n, len(heads))
	}
	b.stop()
	b.start("--refuse", "")
	if out, err := exec.Command(tracker, "-c", "16", b.mnt("f59")).CombinedOutput(); err != nil {
		t.Errorf("an indexer that may: %v, %q", err, out)
	}
}

// named is head(1) under another name.
func named(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("/usr/bin/head")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
