//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/trackers"
	"p2pfs/fs/mounting"
	"p2pfs/swarm/swarmtest"
)

// needMount ends the test unless this machine can mount: it fails it where CI
// is set, so that a skip never looks like a pass.
func needMount(t testing.TB) {
	t.Helper()
	if err := canMount(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("LEFT OUT: %v", err)
	}
}

// lockedBuffer is a Buffer for a goroutine that writes and one that reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// mounted is a member run as the command would be, with directories that
// outlive its restarts.
type mounted struct {
	t                       testing.TB
	name, addr, drive, base string
	flags                   []string
	lsd                     bool // other tests of that name may run on this machine
	stderr                  *lockedBuffer
	cancel                  context.CancelFunc
	status                  chan int
}

// newMounted prepares a member that shares the drive with all others of the
// test; start runs it.
func newMounted(t testing.TB, drive, name string, flags ...string) *mounted {
	t.Helper()
	needMount(t)
	m := &mounted{t: t, name: name, addr: swarmtest.Host().String(), drive: drive, base: t.TempDir(), flags: flags}
	for _, d := range []string{"share", "mnt"} {
		if err := os.Mkdir(filepath.Join(m.base, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		m.stop()
		mounting.Unmount(m.mnt(), true)
	})
	return m
}

func (m *mounted) share(path string) string { return filepath.Join(m.base, "share", path) }
func (m *mounted) mnt(path ...string) string {
	return filepath.Join(append([]string{m.base, "mnt"}, path...)...)
}

// start mounts and waits until it is said so.
func (m *mounted) start(args ...string) *mounted {
	m.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel, m.status, m.stderr = cancel, make(chan int, 1), &lockedBuffer{}
	all := append(append([]string{"mount"}, m.args()...), args...)
	go func() { m.status <- run(ctx, all, io.Discard, m.stderr) }()
	within(m.t, 20*time.Second, func() error {
		if !strings.Contains(m.stderr.String(), "p2pfs: drive ") {
			return fmt.Errorf("%s has not mounted: %s", m.name, m.stderr)
		}
		return nil
	})
	return m
}

// args are the arguments of mount, the mount point first.
func (m *mounted) args() []string {
	all := []string{m.mnt(), "--share", m.share(""), "--cache", m.base + "/cache", "--state", m.base + "/state",
		"--listen", m.addr + ":0", "--drive", m.drive, "--name", m.name}
	if !m.lsd {
		all = append(all, "--no-lsd")
	}
	return append(all, m.flags...)
}

// stop ends the run as a signal would, and checks how it ended.
func (m *mounted) stop() {
	if m.cancel == nil {
		return
	}
	m.t.Helper()
	m.cancel()
	m.cancel = nil
	select {
	case status := <-m.status:
		if status != cli.ExitDone {
			m.t.Errorf("%s ended with status %d: %s", m.name, status, m.stderr)
		}
	case <-time.After(15 * time.Second):
		m.t.Fatalf("%s did not end: %s", m.name, m.stderr)
	}
	if err := exec.Command("mountpoint", "-q", m.mnt()).Run(); err == nil {
		m.t.Errorf("%s is still mounted", m.mnt())
	}
	if strings.Contains(m.stderr.String(), "panic") {
		m.t.Errorf("%s: %s", m.name, m.stderr)
	}
}

// tracker is the URL of the member's embedded tracker.
func (m *mounted) tracker() string { return fmt.Sprintf("udp://%s:%d", m.addr, trackers.Port) }

// write puts a file into the share directory.
func (m *mounted) write(path string, data []byte) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.share(path)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(m.share(path), data, 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// within waits until f returns nil.
func within(t testing.TB, d time.Duration, f func() error) {
	t.Helper()
	began := time.Now()
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Since(began) > d {
			t.Fatalf("not within %v: %v", d, err)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(err)
		}
	}
}

// patience is how long a change may take to be seen. Users are promised 2 s;
// a machine that runs the whole suite under the race detector gets more.
const patience = 20 * time.Second

// sees waits until a file of the mount has that content.
func (m *mounted) sees(path string, data []byte) {
	m.t.Helper()
	within(m.t, patience, func() error {
		got, err := os.ReadFile(m.mnt(path))
		if err != nil {
			return err
		}
		if sha256.Sum256(got) != sha256.Sum256(data) {
			return fmt.Errorf("%s: got %d bytes, want %d others", path, len(got), len(data))
		}
		return nil
	})
}

// misses waits until a path is gone from the mount.
func (m *mounted) misses(path string) {
	m.t.Helper()
	within(m.t, patience, func() error {
		if _, err := os.Lstat(m.mnt(path)); err == nil {
			return fmt.Errorf("%s is still there", path)
		}
		return nil
	})
}

// sameTree compares all names, kinds, sizes, times and bytes of two trees.
func sameTree(a, b string) error {
	list := func(root string) (map[string]string, error) {
		out := map[string]string{}
		return out, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || path == root {
				return err
			}
			rel, _ := filepath.Rel(root, path)
			info, err := d.Info()
			if err != nil {
				return err
			}
			out[rel] = d.Type().String()
			switch {
			case d.Type()&fs.ModeSymlink != 0:
				target, err := os.Readlink(path)
				out[rel] += " " + target
				return err
			case d.Type().IsRegular():
				data, err := os.ReadFile(path)
				out[rel] = fmt.Sprintf("%d %v %v %x", info.Size(), info.ModTime().UTC(), info.Mode()&0o100, sha256.Sum256(data))
				return err
			}
			return nil
		})
	}
	want, err := list(a)
	if err != nil {
		return err
	}
	got, err := list(b)
	if err != nil {
		return err
	}
	for path, w := range want {
		if got[path] != w {
			return fmt.Errorf("%s: got %q, want %q", path, got[path], w)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("got %d names, want %d", len(got), len(want))
	}
	return nil
}
