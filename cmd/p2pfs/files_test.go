package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/clitest"
	"p2pfs/cmd/p2pfs/torrents"
)

func TestOutput(t *testing.T) {
	top := clitest.Tree(t, "dir/", "dangling -> dir/new")
	at := func(name string) string { return filepath.Join(top, name) }
	tests := []struct {
		name  string
		force bool
		want  string // part of check's error; "": none
	}{
		{"x", false, ""},
		{"x", false, "x: is there already; --force replaces it"},
		{"x", true, ""},
		{"dir", false, "is a directory"},
		{"dir", true, "is a directory"},
		{"none/x", false, "no such file"},
		{"x/y", false, "not a directory"},
	}
	for i, tt := range tests {
		o := torrents.Output{Path: at(tt.name), Force: tt.force}
		err := o.Check("create")
		if tt.want != "" {
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%d %s: got %v, want %q", i, tt.name, err, tt.want)
			}
			if err := o.Write(nil); err == nil {
				t.Errorf("%d %s: written all the same", i, tt.name)
			}
			continue
		}
		if err := errors.Join(err, o.Write([]byte{byte('0' + i)})); err != nil {
			t.Errorf("%d %s: %v", i, tt.name, err)
		}
	}
	if got, err := os.ReadFile(at("x")); err != nil || string(got) != "2" {
		t.Errorf("got %q, %v; want what was written with force", got, err)
	}
	names, err := os.ReadDir(top)
	if err != nil || len(names) != 3 {
		t.Errorf("%v left behind, %v", names, err)
	}
	if err := (torrents.Output{}).Check("create"); !errors.As(err, new(cli.UsageError)) {
		t.Errorf("no output: got %v, want an error of usage", err)
	}
}

// TestOutputMode: the user's umask decides, not that of a temporary file.
func TestOutputMode(t *testing.T) {
	top := clitest.Tree(t)
	reference, path := filepath.Join(top, "reference"), filepath.Join(top, "x")
	if err := errors.Join(os.WriteFile(reference, nil, 0o666), torrents.Output{Path: path}.Write(nil)); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(reference)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.Stat(path); err != nil || got.Mode() != want.Mode() {
		t.Errorf("got %v, %v; want %v", got.Mode(), err, want.Mode())
	}
}

// TestOutputDevice: --force does not put a file in the place of a device.
func TestOutputDevice(t *testing.T) {
	top := clitest.Tree(t, "zero -> /dev/zero")
	for _, force := range []bool{false, true} {
		o := torrents.Output{Path: filepath.Join(top, "zero"), Force: force}
		if err := errors.Join(o.Check("create"), o.Write([]byte("x"))); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Lstat(filepath.Join(top, "zero")); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link to /dev/zero became %v, %v", info.Mode(), err)
	}
}

func TestIsMagnet(t *testing.T) {
	for in, want := range map[string]bool{"magnet:?xt=": true, "MAGNET:": true, "magnet": false, "./magnet:x": false, "": false} {
		if got := torrents.IsMagnet(in); got != want {
			t.Errorf("%q: got %t, want %t", in, got, want)
		}
	}
}
