//go:build linux

// Package controltest has a mount to ask, for tests of the control socket and of
// the commands that use it.
package controltest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"p2pfs/cmd/p2pfs/clitest"
	"p2pfs/cmd/p2pfs/control"
)

// Fake is a mount that notes what it is asked.
type Fake struct {
	mu    sync.Mutex // guards Added while it is served
	Added []control.Source
	Panic atomic.Bool // at the next Status
}

func (m *Fake) Status(context.Context) (control.Status, error) {
	if m.Panic.Load() {
		panic("status")
	}
	return control.Status{Version: "test", PID: 7, Drive: "public", Files: 3}, nil
}

func (m *Fake) Add(_ context.Context, source control.Source) (string, error) {
	if strings.Contains(source.Magnet, "bad") {
		return "", errors.New("magnet: no infohash\nin it")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Added = append(m.Added, source)
	return "a \x1b name", nil
}

func (m *Fake) Remove(_ context.Context, name string) error {
	if name != "there" {
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return nil
}

func (m *Fake) Magnet(_ context.Context, at control.Location, v2 bool) (string, error) {
	return fmt.Sprintf("magnet:?share=%t&path=%s&v2=%t", at.Share, at.Path, v2), nil
}

func (m *Fake) Cache(_ context.Context, op string, at control.Location, t *control.Tally) error {
	t.Add(func(r *control.Report) { r.Files, r.Bytes, r.Done, r.Paths = 2, 3<<10, 3<<10, []string{op, at.Path} })
	switch at.Path {
	case "gone":
		return fs.ErrNotExist
	case "bad":
		t.Add(func(r *control.Report) { r.Pieces, r.Bad = 7, 2 })
	case "own":
		t.Add(func(r *control.Report) { r.Own = 1 })
	}
	return nil
}

func (m *Fake) Export(_ context.Context, at control.Location, v2 bool) ([]byte, error) {
	if at.Path == "gone" {
		return nil, fs.ErrNotExist
	}
	return fmt.Appendf(nil, "torrent of %s %t", at.Path, v2), nil
}

// Parts is m as its control socket sees it.
func (m *Fake) Parts() control.Mount { return control.Mount{Status: m, Torrents: m, Cache: m} }

// Ground is a runtime directory with a served fake mount.
type Ground struct {
	Mount      Fake
	Top        string
	MountPoint string
	Share      string
	Socket     string
	Stop       func()
}

// Serve serves the control socket of a mount until stop.
func Serve(m *Fake, mountPoint, share string) (stop func(), err error) {
	s, err := control.Listen(mountPoint)
	if err != nil {
		return nil, err
	}
	return s.Serve(m.Parts(), share, slog.New(slog.DiscardHandler)), nil
}

// NewGround serves a fake mount until the test ends, or Stop is called.
func NewGround(t *testing.T) *Ground {
	t.Helper()
	// The directory's path is longer than a socket's address may be.
	long := strings.Repeat("long/", 30)
	g := &Ground{Top: clitest.Tree(t, long, "mnt/sub/", "share/dir/", "link -> mnt", "other/")}
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(g.Top, long))
	g.MountPoint, g.Share = filepath.Join(g.Top, "mnt"), filepath.Join(g.Top, "share")
	g.Socket = filepath.Join(g.Top, long, "p2pfs", control.SocketName(g.MountPoint))
	stop, err := Serve(&g.Mount, g.MountPoint, g.Share)
	if err != nil {
		t.Fatal(err)
	}
	g.Stop = sync.OnceFunc(stop)
	t.Cleanup(g.Stop)
	return g
}
