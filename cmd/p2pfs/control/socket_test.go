//go:build linux

package control_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/clitest"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/control/controltest"
)

func TestSocketModes(t *testing.T) {
	g := controltest.NewGround(t)
	for path, want := range map[string]fs.FileMode{g.Socket: 0o600 | fs.ModeSocket, filepath.Dir(g.Socket): 0o700 | fs.ModeDir} {
		info, err := os.Lstat(path)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: got %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
}

func TestSecondMountRefused(t *testing.T) {
	g := controltest.NewGround(t)
	if stop, err := controltest.Serve(&g.Mount, g.MountPoint, g.Share); err == nil {
		stop()
		t.Fatal("two processes on one mount point")
	} else if !strings.Contains(err.Error(), "has this mount point already") {
		t.Errorf("got %v", err)
	}
	want(t, status(t.Context(), g.MountPoint), "drive public")
}

// listenInPlace listens on the socket of a mount that is gone.
func listenInPlace(t *testing.T) (g *controltest.Ground, l *net.UnixListener) {
	t.Helper()
	g = controltest.NewGround(t)
	g.Stop()
	return g, control.ListenRaw(t, filepath.Base(g.Socket))
}

// status asks the mount on a mount point how it is, and returns what the answer
// says of its drive, or the error.
func status(ctx context.Context, mountPoint string) string {
	return said(control.AskMount(mountPoint, func(c *control.Client) error {
		s, err := c.Status(ctx)
		if err == nil {
			err = errors.New("drive " + s.Drive)
		}
		return err
	}))
}

// magnet asks the mounts that may have a file for its magnet.
func magnet(ctx context.Context, path string) string {
	return said(control.AskFile(path, func(c *control.Client) error {
		_, err := c.Magnet(ctx, path, false)
		return err
	}))
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// unlessElsewhere is what is said of a file that no p2pfs may have, whether
// another one runs on this machine, as in other tests, or none.
func unlessElsewhere(said string) string {
	if said == control.ErrElsewhere.Error() {
		return control.ErrNoMount.Error()
	}
	return said
}

// want fails the test unless something says so.
func want(t *testing.T, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestStaleSocket leaves a socket behind as a killed process does.
func TestStaleSocket(t *testing.T) {
	g, l := listenInPlace(t)
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := os.Lstat(g.Socket); err != nil {
		t.Fatal(err)
	}
	want(t, status(t.Context(), g.MountPoint), control.ErrNoMount.Error())
	want(t, unlessElsewhere(magnet(t.Context(), g.MountPoint+"/x")), control.ErrNoMount.Error())
	stop, err := controltest.Serve(&g.Mount, g.MountPoint, g.Share)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	want(t, status(t.Context(), g.MountPoint), "drive public")
}

// TestRunDirRefused shows directories that are not safe to use.
func TestRunDirRefused(t *testing.T) {
	base := clitest.Tree(t, "elsewhere/")
	t.Setenv("XDG_RUNTIME_DIR", base)
	path := filepath.Join(base, "p2pfs")
	tests := []struct {
		name, want string
		make       func() error
	}{
		{"link", "not a directory", func() error { return os.Symlink(base+"/elsewhere", path) }},
		{"file", "not a directory", func() error { return os.WriteFile(path, nil, 0o600) }},
		{"open to the group", "has mode 0770, want 0700", func() error {
			return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o770))
		}},
		{"somebody else's", "belongs to user 65534", func() error {
			return errors.Join(os.Mkdir(path, 0o700), os.Chown(path, 65534, 65534))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "somebody else's" && os.Geteuid() != 0 {
				t.Skip("only root can give a directory away")
			}
			if err := tt.make(); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(path)
			stop, err := controltest.Serve(&controltest.Fake{}, "/m", "/s")
			if err == nil {
				stop()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("server: got %v, want %q", err, tt.want)
			}
			want(t, status(t.Context(), "/m"), tt.want)
		})
	}
}

// TestOthersRuntimeDir has an $XDG_RUNTIME_DIR that belongs to somebody else,
// as under sudo: it is left alone.
func TestOthersRuntimeDir(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	base := clitest.Tree(t)
	if err := os.Chown(base, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", base)
	for _, path := range control.RunDirPaths() {
		if strings.HasPrefix(path, base) {
			t.Errorf("uses %s in a directory of user 65534", path)
		}
	}
}

// TestControlSilence asks a socket whose owner does not answer.
func TestControlSilence(t *testing.T) {
	g, _ := listenInPlace(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	want(t, status(ctx, g.MountPoint), "gave no answer")
}

// TestHungUpOn asks a p2pfs that closes connections without an answer: because
// it ends just then, or for a fault of its own.
func TestHungUpOn(t *testing.T) {
	ends := func(l *net.UnixListener) {
		conn, err := l.Accept()
		l.Close()
		if err == nil {
			conn.Close() // with a request unread, which resets it
		}
	}
	for _, tt := range []struct {
		name, want string
		ask        func(*controltest.Ground) string
		serve      func(l *net.UnixListener)
	}{
		{"by one that ends", "no p2pfs is mounted here", func(g *controltest.Ground) string { return status(t.Context(), g.MountPoint) }, ends},
		{"by one that ends and may not have the file", "no p2pfs is mounted here", func(g *controltest.Ground) string { return unlessElsewhere(magnet(t.Context(), g.MountPoint+"/x")) }, ends},
		{"by one that stays", "p2pfs/v1/status", func(g *controltest.Ground) string { return status(t.Context(), g.MountPoint) }, func(l *net.UnixListener) {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					conn.Read(make([]byte, 4096))
					conn.Close()
				}()
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, l := listenInPlace(t)
			go tt.serve(l)
			want(t, tt.ask(g), tt.want)
		})
	}
}
