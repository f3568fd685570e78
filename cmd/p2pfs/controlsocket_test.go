//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/clitest"
)

func TestSocketModes(t *testing.T) {
	g := serveFake(t)
	for path, want := range map[string]fs.FileMode{g.socket: 0o600 | fs.ModeSocket, filepath.Dir(g.socket): 0o700 | fs.ModeDir} {
		info, err := os.Lstat(path)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: got %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
}

func TestSecondMountRefused(t *testing.T) {
	g := serveFake(t)
	if stop, err := serveControl(&g.mount, g.mountPoint, g.share); err == nil {
		stop()
		t.Fatal("two processes on one mount point")
	} else if !strings.Contains(err.Error(), "has this mount point already") {
		t.Errorf("got %v", err)
	}
	runArgs(t, "status", g.mountPoint).want(t, cli.ExitDone, "public")
}

// listenInPlace listens on the socket of a mount that is gone.
func listenInPlace(t *testing.T) (g *ground, l *net.UnixListener) {
	t.Helper()
	g = serveFake(t)
	g.stop()
	d, err := makeRunDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if l, err = d.listen(filepath.Base(g.socket)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return g, l
}

// TestStaleSocket leaves a socket behind as a killed process does.
func TestStaleSocket(t *testing.T) {
	g, l := listenInPlace(t)
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := os.Lstat(g.socket); err != nil {
		t.Fatal(err)
	}
	runArgs(t, "status", g.mountPoint).want(t, cli.ExitFailed, "no p2pfs is mounted here")
	runArgs(t, "magnet", g.mountPoint+"/x").want(t, cli.ExitFailed, "neither in a running mount")
	stop, err := serveControl(&g.mount, g.mountPoint, g.share)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	runArgs(t, "status", g.mountPoint).want(t, cli.ExitDone, "public")
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
			stop, err := serveControl(&fakeMount{}, "/m", "/s")
			if err == nil {
				stop()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("server: got %v, want %q", err, tt.want)
			}
			runArgs(t, "status", "/m").want(t, cli.ExitFailed, tt.want)
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
	for _, path := range runDirPaths() {
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
	var out, stderr bytes.Buffer
	if got := run(ctx, []string{"status", g.mountPoint}, &out, &stderr); got != cli.ExitFailed {
		t.Errorf("got status %d, want %d", got, cli.ExitFailed)
	}
	if !strings.Contains(stderr.String(), "gave no answer") {
		t.Errorf("got %q, want it to say that no answer came", stderr.String())
	}
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
		args       []string
		serve      func(l *net.UnixListener)
	}{
		{"by one that ends", "no p2pfs is mounted here", []string{"status", ""}, ends},
		{"by one that ends and may not have the file", "neither in a running mount", []string{"magnet", "/x"}, ends},
		{"by one that stays", "p2pfs/v1/status", []string{"status", ""}, func(l *net.UnixListener) {
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
			runArgs(t, tt.args[0], g.mountPoint+tt.args[1]).want(t, cli.ExitFailed, tt.want)
		})
	}
}
