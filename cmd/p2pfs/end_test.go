//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/swarm/swarmtest"
)

// users are processes that keep a mount busy: one whose read waits for what
// nobody has, one that works in it, and our own open file.
type users struct {
	reader, standing *exec.Cmd
	file             *os.File
	read             chan struct{} // closed when the reader has ended
}

// stand starts a process that works in dir. It goes there itself: a child that
// went there before its exec would hold up this process, which may be the one
// that serves the mount.
func stand(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sh", "-c", `cd "$0" && exec sleep 600`, dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	within(t, patience, func() error {
		if at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", cmd.Process.Pid)); err != nil || at != dir {
			return fmt.Errorf("%q, %v, want %q", at, err, dir)
		}
		return nil
	})
	return cmd
}

func occupy(t *testing.T, m *mounted, file string) *users {
	t.Helper()
	u := &users{reader: exec.Command("cat", m.mnt(file)), standing: stand(t, m.mnt()), read: make(chan struct{})}
	var err error
	if u.file, err = os.Open(m.mnt(file)); err != nil {
		t.Fatal(err)
	}
	if err := u.reader.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(u.read); u.reader.Wait() }()
	within(t, patience, func() error {
		if n := status(t, m).Traffic.ReadsWaiting; n == 0 {
			return fmt.Errorf("no read waits")
		}
		return nil
	})
	return u
}

// leave ends them. The reader must have failed by itself before.
func (u *users) leave(t *testing.T) {
	t.Helper()
	within(t, patience, func() error {
		select {
		case <-u.read:
			return nil
		default:
			return fmt.Errorf("the read still waits")
		}
	})
	if u.reader.ProcessState.ExitCode() != 1 {
		t.Errorf("the read that waited: %v", u.reader.ProcessState)
	}
	if _, err := u.file.ReadAt(make([]byte, 1), 0); err == nil {
		t.Error("an open file of the mount that is gone can be read")
	}
	u.file.Close()
	u.standing.Process.Kill()
	u.standing.Wait()
}

// TestEndInUse ends a mount in every way while it is in use.
func TestEndInUse(t *testing.T) {
	t.Parallel()
	a := newMounted(t, t.Name(), "anna").start()
	b := newMounted(t, t.Name(), "bob", "--no-embedded-tracker", "--tracker", a.tracker())
	a.write("far", swarmtest.Bytes(1, 1<<20))
	c := b.spawn()
	within(t, patience, func() error { _, err := os.Stat(b.mnt("far")); return err })
	a.stop()
	signal := func(all ...os.Signal) func(*testing.T, *child) {
		return func(t *testing.T, c *child) {
			for _, s := range all {
				if err := c.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	umount := func(flags ...string) func(*testing.T, *child) {
		return func(t *testing.T, c *child) {
			r := runArgs(t, append([]string{"umount", b.mnt()}, flags...)...)
			notMounted(t, b.mnt())
			r.want(t, cli.ExitDone, "")
			if !c.ended() {
				c.waitEnd(t) // it has, and is waited for by another goroutine
			}
		}
	}
	for _, tt := range []struct {
		name string
		end  func(*testing.T, *child)
		want string // how the process ends
	}{
		{"SIGTERM", signal(syscall.SIGTERM), "exit status 0"},
		{"SIGHUP", signal(syscall.SIGHUP), "exit status 0"},
		{"umount", umount(), "exit status 0"},
		{"umount --force", umount("--force"), "exit status 0"},
		{"stopped, umount --force", func(t *testing.T, c *child) {
			signal(syscall.SIGSTOP)(t, c)
			runArgs(t, append([]string{"mount"}, b.args()...)...).want(t, cli.ExitFailed, "already mounted")
			umount("--force")(t, c)
		}, "signal: killed"},
		{"killed, umount", func(t *testing.T, c *child) {
			c.Process.Kill()
			c.waitEnd(t)
			umount()(t, c)
		}, "signal: killed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if c == nil || c.ended() {
				c = b.spawn()
			}
			u := occupy(t, b, "far")
			began := time.Now()
			tt.end(t, c)
			st := c.waitEnd(t)
			t.Logf("ended in %v", time.Since(began))
			notMounted(t, b.mnt())
			u.leave(t)
			if st.String() != tt.want {
				t.Errorf("it ended with %s, want %s: %s", st, tt.want, c.stderr)
			}
			if strings.Contains(c.stderr.String(), "panic") {
				t.Error(c.stderr)
			}
		})
	}
}

// TestSecondSignal ends a mount that would take its grace at once, and leaves
// no dead mount behind.
func TestSecondSignal(t *testing.T) {
	m := newMounted(t, t.Name(), "anna", "--no-embedded-tracker")
	c := m.spawn()
	standing := stand(t, m.mnt())
	defer func() { standing.Process.Kill(); standing.Wait() }()
	c.Process.Signal(syscall.SIGTERM)
	within(t, patience, func() error { // the first one has come: another of the same kind would be merged with it
		if pending(t, c.Process.Pid) {
			return fmt.Errorf("pending")
		}
		return nil
	})
	c.Process.Signal(syscall.SIGINT)
	st := c.waitEnd(t)
	if s := st.String(); s != "signal: interrupt" && s != "signal: terminated" { // they may come in either order
		t.Errorf("ended with %s: %s", s, c.stderr)
	}
	notMounted(t, m.mnt())
}

// pending reports whether a signal waits for the process to take it.
func pending(t *testing.T, pid int) bool {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if key, mask, _ := strings.Cut(strings.TrimSpace(line), ":"); key == "ShdPnd" {
			return strings.Trim(mask, "\t0") != ""
		}
	}
	return false
}
