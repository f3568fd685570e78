//go:build linux

package main

import (
	"context"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/clitest"
	"p2pfs/fs"
	"p2pfs/fs/mounting"
)

// oneFile is a Tree with one file, hello.
type oneFile struct{}

const helloText = "hello, swarm\n"

func (oneFile) Lookup(_ context.Context, path string) (fs.Entry, error) {
	switch path {
	case "":
		return fs.Entry{Kind: fs.Dir}, nil
	case "hello":
		return fs.Entry{Name: "hello", Size: int64(len(helloText)), MTime: time.Unix(1e9, 0)}, nil
	}
	return fs.Entry{}, iofs.ErrNotExist
}

func (t oneFile) ReadDir(ctx context.Context, _ string) ([]fs.Entry, error) {
	e, err := t.Lookup(ctx, "hello")
	return []fs.Entry{e}, err
}

func (oneFile) Open(context.Context, string, [32]byte) (fs.Content, error) { return oneFile{}, nil }
func (oneFile) Xattrs(context.Context, string) ([]string, error)           { return nil, nil }
func (oneFile) Xattr(context.Context, string, string) (string, error)      { return "", iofs.ErrNotExist }
func (oneFile) StatFS() fs.Usage                                           { return fs.Usage{} }
func (oneFile) Close() error                                               { return nil }
func (oneFile) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	n := copy(p, helloText[min(off, int64(len(helloText))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// needFUSE skips a test where nothing can be mounted; in CI it fails it.
func needFUSE(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err == nil {
		f.Close()
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("cannot mount: %v", err)
	}
	t.Skipf("cannot mount: %v", err)
}

func TestUmount(t *testing.T) {
	needFUSE(t)
	top := clitest.Tree(t, "mnt/", "link -> mnt", "other/")
	mount := func() *fs.Mountpoint {
		m, err := fs.Mount(fs.Config{Dir: filepath.Join(top, "mnt"), Tree: oneFile{}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		return m
	}
	m := mount()
	if at, _, err := mounting.At(m.Dir()); !at.Ours() {
		t.Errorf("mounted: %+v, %v", at, err)
	}
	runArgs(t, "status", m.Dir()).want(t, cli.ExitFailed, "gone") // mounted, and no control socket
	f, err := os.Open(filepath.Join(m.Dir(), "hello"))
	if err != nil {
		t.Fatal(err)
	}
	runArgs(t, "umount", m.Dir()).want(t, cli.ExitDone, "") // after its grace
	f.Close()
	notMounted(t, m.Dir())
	m.Close()

	m = mount()
	if f, err = os.Open(filepath.Join(m.Dir(), "hello")); err != nil {
		t.Fatal(err)
	}
	runArgs(t, "umount", filepath.Join(top, "link"), "--force").want(t, cli.ExitDone, "")
	f.Close()
	notMounted(t, m.Dir())
	m.Close()

	m = mount()
	runArgs(t, "umount", m.Dir()).want(t, cli.ExitDone, "")
	runArgs(t, "umount", m.Dir()).want(t, cli.ExitFailed, "no p2pfs is mounted here")
	runArgs(t, "umount", filepath.Join(top, "other")).want(t, cli.ExitFailed, "no p2pfs is mounted here")
	runArgs(t, "umount", filepath.Join(top, "none"), "--force").want(t, cli.ExitFailed, "")
}
