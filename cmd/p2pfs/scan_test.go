//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
)

func TestBadRefuse(t *testing.T) {
	runArgs(t, "mount", t.TempDir(), "--refuse", "[").want(t, cli.ExitUsage, "--refuse")
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
