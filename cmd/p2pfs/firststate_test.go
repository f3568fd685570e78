//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/tree"
)

// numbered is what testdata/state1.sh put into a file.
func numbered(n int, text string) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%s %07d %s\n", text, i+1, strings.Repeat(".", 90))
	}
	return b.Bytes()
}

// TestStateOfFirstVersion starts on what commit 1eb9033 left of a member, twice,
// with nobody else there: the member is the same, what was added, cached and
// pinned is there, and what was announced is announced.
func TestStateOfFirstVersion(t *testing.T) {
	t.Parallel()
	tracker := start(t, "tracker", "--listen", "127.0.0.1:0").line(t)
	m := newMounted(t, "fixture", "anna", "--no-embedded-tracker", "--tracker", tracker, "--read-timeout", "5s")
	unpack(t, "testdata/state1.tar.gz", m.base)
	members, err := os.ReadFile(filepath.Join(m.base, "members"))
	if err != nil {
		t.Fatal(err)
	}
	self, _, _ := strings.Cut(string(members), "\n") // bob may have been away for too long
	asked, err := os.ReadFile(filepath.Join(m.base, "state", "asked"))
	if err != nil {
		t.Fatal(err)
	}
	magnet := fmt.Sprintf("magnet:?xt=urn:btih:%.40s&tr=%s", asked, tracker)
	album := m.mnt(tree.SpecialDir, tree.TorrentsDir, "album")
	for round := range 2 {
		m.start()
		within(t, patience, func() error { return sameBytes(m.mnt("own.txt"), numbered(300, "own")) })
		for name, want := range map[string][]byte{
			"kept.txt": numbered(900, "pinned song"), "disc 1/song.txt": numbered(500, "song"),
		} {
			if err := sameBytes(filepath.Join(album, name), want); err != nil {
				t.Errorf("round %d: %v", round, err)
			}
		}
		within(t, patience, func() error {
			names, err := os.ReadDir(m.mnt(tree.SpecialDir, tree.MembersDir))
			for _, n := range names {
				if strings.HasPrefix(n.Name(), self) {
					return nil
				}
			}
			return fmt.Errorf("members %v, %v: %s is not among them", names, err, self)
		})
		runArgs(t, "pin", "--list", album).want(t, cli.ExitDone, "kept.txt")
		runArgs(t, "evict", filepath.Join(album, "kept.txt")).want(t, cli.ExitFailed, "pinned")
		within(t, clientPatience, func() error { // its announce may come a moment later
			out := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			run(ctx, []string{"get", magnet, "-o", out, "--no-lsd", "--listen", "127.0.0.1:0", "--state", t.TempDir()}, io.Discard, io.Discard)
			return sameBytes(filepath.Join(out, "own.txt"), numbered(300, "own"))
		})
		m.stop()
	}
	m.start()
	runArgs(t, "remove", m.mnt(), "0123456789abcdef0123456789abcdef01234567").want(t, cli.ExitDone, "")
}

// sameBytes tells what is wrong with a file that should hold want.
func sameBytes(path string, want []byte) error {
	got, err := os.ReadFile(path)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%s: %d bytes, not those wanted: %d", path, len(got), len(want))
	}
	return err
}

// unpack extracts a packed archive, with modes and times.
func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path, mode := filepath.Join(dir, filepath.FromSlash(h.Name)), h.FileInfo().Mode()
		if mode.IsDir() {
			err = os.MkdirAll(path, mode.Perm())
		} else {
			var data []byte
			if data, err = io.ReadAll(r); err == nil {
				err = errors.Join(os.WriteFile(path, data, mode.Perm()), os.Chtimes(path, h.ModTime, h.ModTime))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
