package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/tree"
)

// A listing tells of each name what a lookup does, in every part of the mount:
// the kernel takes either for the file.
func TestListedAsLookedUp(t *testing.T) {
	t.Parallel()
	needMount(t)
	dir := filepath.Join(t.TempDir(), "album")
	randomFile(t, filepath.Join(dir, "disc 1", "a.bin"), 100_000)
	randomFile(t, filepath.Join(dir, "b.bin"), 70_000)
	torrent := filepath.Join(t.TempDir(), "album.torrent")
	runArgs(t, "create", "-o", torrent, dir).want(t, cli.ExitDone, "")
	m := newMounted(t, t.Name(), "anna", "--no-embedded-tracker")
	randomFile(t, m.share("own.bin"), 30_000)
	randomFile(t, m.share("below/own.bin"), 10)
	m.start(torrent)
	within(t, patience, func() error {
		_, err := os.Stat(m.mnt("below", "own.bin"))
		return err
	})
	seen := 0
	for _, at := range []string{"", "below", tree.SpecialDir, ".p2pfs/torrents", ".p2pfs/torrents/album", ".p2pfs/torrents/album/disc 1", ".p2pfs/members"} {
		out, err := exec.Command("ls", "-i1", m.mnt(at)).Output()
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		for line := range strings.Lines(string(out)) {
			listed, name, _ := strings.Cut(strings.TrimSpace(line), " ")
			info, err := os.Lstat(m.mnt(at, name))
			if err != nil {
				t.Fatal(err)
			}
			if ino := info.Sys().(*syscall.Stat_t).Ino; fmt.Sprint(ino) != listed {
				t.Errorf("%s/%s is inode %d, listed as %s", at, name, ino, listed)
			}
			seen++
		}
	}
	if seen < 9 {
		t.Errorf("%d names seen", seen)
	}
	// What the kernel has from a listing alone is what it has from lookups.
	blocks := func(dir string) []string {
		out, err := exec.Command("ls", "-lsR", m.mnt(dir)).Output()
		if err != nil {
			t.Fatal(err)
		}
		lines := slices.Collect(strings.Lines(string(out)))
		return slices.DeleteFunc(lines, func(l string) bool { return !strings.Contains(l, ".bin") })
	}
	first := blocks(".p2pfs/torrents")
	if again := blocks(".p2pfs/torrents"); len(first) != 2 || !slices.Equal(first, again) {
		t.Errorf("listed %q, then %q", first, again)
	}
}
