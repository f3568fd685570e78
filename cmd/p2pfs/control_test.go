//go:build linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/control/controltest"
)

func TestControlCommands(t *testing.T) {
	g := controltest.NewGround(t)
	torrent := filepath.Join(g.Top, "x.torrent")
	if err := os.WriteFile(torrent, []byte("d4:infode"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := func(path string) string { return filepath.Join(g.Top, path) }
	tests := []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"status", in("mnt")}, cli.ExitDone, "drive public on"},
		{[]string{"status", in("link") + "/"}, cli.ExitDone, "process 7"},
		{[]string{"status", "--json", in("mnt")}, cli.ExitDone, `"pid": 7`},
		{[]string{"status", "--json", in("mnt")}, cli.ExitDone, `"members": []`},
		{[]string{"status", in("mnt/sub")}, cli.ExitFailed, "no p2pfs is mounted here"},
		{[]string{"status", in("share")}, cli.ExitFailed, "no p2pfs is mounted here"},
		{[]string{"add", in("mnt"), "magnet:?xt=good"}, cli.ExitDone, `added "a \x1b name"`},
		{[]string{"add", in("mnt"), torrent}, cli.ExitDone, "added"},
		{[]string{"add", in("mnt"), "magnet:?xt=bad"}, cli.ExitFailed, "magnet: no infohash; in it"},
		{[]string{"add", in("mnt"), in("no.torrent")}, cli.ExitFailed, "no such file"},
		{[]string{"add", in("mnt"), in("other")}, cli.ExitFailed, "is a directory"},
		{[]string{"remove", in("mnt"), "there"}, cli.ExitDone, ""},
		{[]string{"remove", in("mnt"), "gone"}, cli.ExitFailed, "gone: file does not exist"},
		{[]string{"pin", in("mnt/a b")}, cli.ExitDone, "pinned 2 files, 3.0 KiB: 0 B came, 3.0 KiB were here"},
		{[]string{"pin", "--list", in("mnt")}, cli.ExitDone, "pins"},
		{[]string{"unpin", in("mnt/x"), in("mnt/own")}, cli.ExitDone, "(not counting 1 file of your own share directory)"},
		{[]string{"prefetch", in("mnt/gone")}, cli.ExitFailed, "gone: file does not exist"},
		{[]string{"evict", in("other")}, cli.ExitFailed, "not in a running mount"},
		{[]string{"verify", in("mnt/x")}, cli.ExitDone, "verified 0 pieces, 3.0 KiB, of 2 files: all good"},
		{[]string{"verify", in("mnt/bad")}, cli.ExitFailed, "2 of 7 pieces were bad and are dropped; they belong to verify, bad"},
		{[]string{"magnet", in("mnt/a b")}, cli.ExitDone, "share=false&path=a b&v2=false"},
		{[]string{"magnet", "--v2", in("link/sub/x")}, cli.ExitDone, "share=false&path=sub/x&v2=true"},
		{[]string{"magnet", in("mnt")}, cli.ExitDone, "share=false&path=&v2"},
		{[]string{"magnet", in("share/dir/x")}, cli.ExitDone, "share=true&path=dir/x&"},
		{[]string{"magnet", in("other/x")}, cli.ExitFailed, "neither in a running mount nor in the share directory"},
		{[]string{"magnet", in("mnt2")}, cli.ExitFailed, "neither in"},
		{[]string{"export", in("mnt/a")}, cli.ExitUsage, "-o FILE.torrent is required"},
		{[]string{"export", in("mnt/gone"), "-o", in("out")}, cli.ExitFailed, "file does not exist"},
		{[]string{"export", in("mnt/a"), "-o", in("out")}, cli.ExitDone, ""},
		{[]string{"export", in("mnt/b"), "-o", in("out")}, cli.ExitFailed, "is there already"},
		{[]string{"export", in("share/b"), "-o", in("out"), "--force", "--v2"}, cli.ExitDone, ""},
		{[]string{"export", in("share/b"), "-o", in("none/out")}, cli.ExitFailed, "no such file"},
	}
	for _, tt := range tests {
		runArgs(t, tt.args...).want(t, tt.status, tt.want)
	}
	if got, err := os.ReadFile(in("out")); err != nil || string(got) != "torrent of b true" {
		t.Errorf("exported %q, %v", got, err)
	}
	if len(g.Mount.Added) != 2 || string(g.Mount.Added[1].Torrent) != "d4:infode" {
		t.Errorf("added %+v, want the magnet and the file's bytes", g.Mount.Added)
	}
	g.Stop()
	runArgs(t, "status", in("mnt")).want(t, cli.ExitFailed, "no p2pfs is mounted here")
	if _, err := os.Lstat(g.Socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("socket is left behind: %v", err)
	}
}

// TestControlFromElsewhere asks with another environment than the mount had.
func TestControlFromElsewhere(t *testing.T) {
	g := controltest.NewGround(t)
	t.Setenv("XDG_RUNTIME_DIR", "")
	runArgs(t, "status", g.MountPoint).want(t, cli.ExitFailed, "no p2pfs is mounted here")
	// $XDG_RUNTIME_DIR is one that is not there: the mount's is not found either,
	// and /tmp/p2pfs-UID is looked into without being made.
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(g.Top, "none"))
	runArgs(t, "status", g.MountPoint).want(t, cli.ExitFailed, "no p2pfs is mounted here")
}

// TestControlPanic loses one answer, not the process.
func TestControlPanic(t *testing.T) {
	g := controltest.NewGround(t)
	g.Mount.Panic.Store(true)
	runArgs(t, "status", g.MountPoint).want(t, cli.ExitFailed, "")
	g.Mount.Panic.Store(false)
	runArgs(t, "status", g.MountPoint).want(t, cli.ExitDone, "public")
}
