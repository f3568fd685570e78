//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"p2pfs/cmd/p2pfs/daemon"
	"p2pfs/fs/mounting"
)

// notifySocket listens as systemd does, and notes what comes.
func notifySocket(t *testing.T, name string) *lockedBuffer {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var got lockedBuffer
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			got.Write(append(buf[:n], '\n'))
		}
	}()
	return &got
}

// TestNotify mounts under a systemd of our own: by path, and by an abstract name.
func TestNotify(t *testing.T) {
	for name, socket := range map[string]string{
		"path": filepath.Join(t.TempDir(), "notify"), "abstract": fmt.Sprintf("@p2pfs-test-%d", os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			m := newMounted(t, t.Name(), "anna", "--no-embedded-tracker")
			got := notifySocket(t, socket)
			c := m.launch("NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=400000")
			within(t, patience, func() error {
				if !strings.Contains(got.String(), "READY=1") {
					return errors.New(got.String() + c.stderr.String())
				}
				return nil
			})
			if !mounting.Ours(m.mnt()) {
				t.Error("ready, and not mounted")
			}
			within(t, patience, func() error {
				if n := strings.Count(got.String(), "WATCHDOG=1"); n < 2 {
					return fmt.Errorf("%d pings", n)
				}
				return nil
			})
			c.Process.Signal(syscall.SIGTERM)
			c.waitEnd(t)
			text := got.String()
			if !strings.HasPrefix(text, "READY=1\nSTATUS=p2pfs: drive ") || strings.Count(text, "STOPPING=1") != 1 {
				t.Errorf("told %q", text)
			}
			if i := strings.Index(text, "STOPPING=1"); strings.Count(text[i:], "WATCHDOG") > 1 {
				t.Errorf("told that all is well while it ended: %q", text)
			}
		})
	}
}

func TestSupervisor(t *testing.T) {
	for name, c := range map[string]struct {
		usec, pid string
		want      time.Duration
	}{
		"none":        {"", "", 0},
		"half":        {"30000000", "", 15 * time.Second},
		"ours":        {"2000", fmt.Sprint(os.Getpid()), time.Millisecond},
		"another's":   {"2000", "1", 0},
		"no number":   {"x", "", 0},
		"negative":    {"-5", "", 0},
		"other's pid": {"2000", "x", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("WATCHDOG_USEC", c.usec)
			t.Setenv("WATCHDOG_PID", c.pid)
			if got := daemon.FindSupervisor().Every; got != c.want {
				t.Errorf("every %v, want %v", got, c.want)
			}
		})
	}
	if err := (daemon.Supervisor{}).Tell("READY=1"); err != nil {
		t.Error(err)
	}
	t.Setenv("NOTIFY_SOCKET", "/nowhere/notify")
	if err := daemon.FindSupervisor().Tell("READY=1"); err == nil {
		t.Error("told nobody")
	}
}

// TestWatchdog has the mount hang, fail and come back: only while it answers is
// the watchdog told so.
func TestWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pings atomic.Int32
		var health atomic.Pointer[func(context.Context) error]
		set := func(f func(context.Context) error) { health.Store(&f) }
		well := func(context.Context) error { return nil }
		set(well)
		ctx, cancel := context.WithCancel(t.Context())
		s := daemon.Supervisor{Socket: "x", Every: time.Second, Send: func(string) error { pings.Add(1); return nil }}
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Watch(ctx, func(ctx context.Context) error { return (*health.Load())(ctx) }, quiet)
		}()
		told := func(d time.Duration) int32 {
			before := pings.Load()
			time.Sleep(d)
			return pings.Load() - before
		}
		time.Sleep(time.Second / 2)
		if n := told(10 * time.Second); n != 10 {
			t.Errorf("well for 10 s: %d pings", n)
		}
		set(func(context.Context) error { return errors.New("ill") })
		if n := told(10 * time.Second); n != 0 {
			t.Errorf("ill: %d pings", n)
		}
		set(well)
		if n := told(10 * time.Second); n != 10 {
			t.Errorf("well again: %d pings", n)
		}
		hang := make(chan struct{})
		set(func(context.Context) error { <-hang; return nil })
		told(time.Second)
		set(well)
		if n := told(time.Minute); n != 0 {
			t.Errorf("hangs: %d pings", n)
		}
		close(hang)
		if n := told(10 * time.Second); n < 9 {
			t.Errorf("goes on: %d pings", n)
		}
		cancel()
		<-done
	})
}

// TestUnit has systemd look at the unit in the README.
func TestUnit(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("LEFT OUT: ", err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, unit, _ := strings.Cut(string(readme), "    [Unit]\n")
	unit, _, ok := strings.Cut("    [Unit]\n"+unit, "\n\n")
	if !ok || !strings.Contains(unit, "Type=notify") || !strings.Contains(unit, "WatchdogSec=") {
		t.Fatalf("README has no unit: %q", unit)
	}
	unit = strings.ReplaceAll(strings.ReplaceAll(unit+"\n", "\n    ", "\n"), "/usr/local/bin/p2pfs", os.Args[0])
	path := filepath.Join(t.TempDir(), "p2pfs.service")
	if err := os.WriteFile(path, []byte(strings.TrimPrefix(unit, "    ")), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "verify", "--man=no", path).CombinedOutput()
	if err != nil || strings.Contains(string(out), "p2pfs.service") {
		t.Errorf("%v: %s", err, out)
	}
}
