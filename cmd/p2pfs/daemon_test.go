//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/clitest"
	"p2pfs/cmd/p2pfs/daemon"
	"p2pfs/cmd/p2pfs/state"
	"p2pfs/fs/mounting"
)

// TestDaemon mounts in the background: done means that ls works.
func TestDaemon(t *testing.T) {
	m := newMounted(t, t.Name(), "anna", "--no-embedded-tracker")
	m.write("there", []byte("x"))
	t.Setenv(asCommand, "1")
	args := append([]string{"mount", "--daemon"}, m.args()...)
	r := runArgs(t, args...)
	if r.status != cli.ExitDone || !strings.Contains(r.stderr, "p2pfs: drive ") {
		t.Fatalf("status %d: %s", r.status, r.stderr)
	}
	if _, err := os.ReadDir(m.mnt()); err != nil {
		t.Error(err)
	}
	if at, _, err := mounting.At(m.mnt()); !at.Ours() {
		t.Errorf("mounted: %+v, %v", at, err)
	}
	m.sees("there", []byte("x"))
	log := filepath.Join(m.base, "state", daemon.LogName)
	if text, err := os.ReadFile(log); err != nil || !bytes.Contains(text, []byte("p2pfs: drive ")) || !strings.Contains(r.stderr, log) {
		t.Errorf("log %q, %v; told %q", text, err, r.stderr)
	}
	pid := status(t, m).PID
	if pid == os.Getpid() {
		t.Error("it is no process of its own")
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err != nil || cwd != "/" {
		t.Errorf("it works in %s, %v", cwd, err)
	}
	runArgs(t, args...).want(t, cli.ExitFailed, "already mounted")
	runArgs(t, "umount", m.mnt()).want(t, cli.ExitDone, "")
	notMounted(t, m.mnt())
	if _, err := state.Open(filepath.Join(m.base, "state")); err != nil {
		t.Errorf("umount returned before its process had ended: %v", err)
	}
}

// TestDaemonFails gives what only the process in the background finds out.
func TestDaemonFails(t *testing.T) {
	t.Setenv(asCommand, "1")
	for name, c := range map[string]struct {
		flags []string
		want  string
	}{
		"foreign address":  {[]string{"--listen", "192.0.2.1:1"}, "192.0.2.1"},
		"cache is no dir":  {[]string{"--cache", "/dev/null/x"}, "not a directory"},
		"share over cache": {[]string{"--cache", "SHARE/cache"}, "lies inside"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMounted(t, t.Name(), "anna", "--no-embedded-tracker")
			for i := range c.flags {
				c.flags[i] = strings.ReplaceAll(c.flags[i], "SHARE", m.share(""))
			}
			r := runArgs(t, append(append([]string{"mount", "--daemon"}, m.args()...), c.flags...)...)
			r.want(t, cli.ExitFailed, c.want)
			if strings.Count(r.stderr, "\n") != 1 {
				t.Errorf("not one line: %q", r.stderr)
			}
			notMounted(t, m.mnt())
		})
	}
}

// TestDaemonKilled has the process end before it can say anything.
func TestDaemonKilled(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "kill -9 $$")
	cmd.ExtraFiles = []*os.File{w}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := daemon.Verdict(t.Context(), r, cmd); err == nil || !strings.Contains(err.Error(), "ended before it was ready (signal: killed)") {
		t.Errorf("got %v", err)
	}
}

// TestLogIsBounded begins a new log, and keeps one.
func TestLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), daemon.LogName)
	for range 3 {
		f, err := daemon.OpenLog(path)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(make([]byte, daemon.MaxLog+1))
		f.Close()
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestLogIsBoundedWhileItRuns writes to one log, through descriptors that it
// does not open, far more than it may have.
func TestLogIsBoundedWhileItRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), daemon.LogName)
	var fds []int
	for range 2 {
		f, err := daemon.OpenLog(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fds = append(fds, int(f.Fd()))
	}
	log := daemon.NewLogFile(path, fds...)
	line := []byte(strings.Repeat("x", 999) + "\n")
	for i := range 4 * daemon.MaxLog / len(line) {
		if i == daemon.MaxLog/len(line)*2 { // somebody tidies up
			os.Remove(path)
		}
		if n, err := log.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	syscall.Write(fds[1], []byte("the end"))
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Size() > daemon.MaxLog+1000 {
			t.Errorf("%v, %v", info, err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || !bytes.HasSuffix(text, []byte("\nthe end")) {
		t.Errorf("the log ends with %q, %v", text[max(0, len(text)-20):], err)
	}
}

// TestMount8 mounts with mount(8), as a line of fstab does, in a mount
// namespace in which /sbin has nothing but the helper.
func TestMount8(t *testing.T) {
	needMount(t)
	if os.Geteuid() != 0 {
		t.Skip("LEFT OUT: mount(8) is root's")
	}
	m := newMounted(t, t.Name(), "anna")
	m.write("there", []byte("x"))
	sbin := t.TempDir()
	script := "#!/bin/bash\n" + asCommand + "=1 exec -a \"$0\" '" + os.Args[0] + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(sbin, helperNames[0]), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	options := "ro,_netdev,nofail,user,x-systemd.automount,allow_other,no_lsd,no-embedded-tracker,name=anna,share=" + m.share("") +
		",cache=" + m.base + "/cache,state=" + m.base + "/state,listen=" + m.addr + ":0"
	fstab := filepath.Join(sbin, "fstab")
	if err := os.WriteFile(fstab, []byte("lines "+m.mnt()+" fuse.p2pfs "+options+" 0 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-m", "sh", "-c", `
		mount --bind "$1" /sbin && mount -T "$2" "$3" &&
		for i in $(seq 200); do ls "$3" | grep there && break; sleep 0.1; done &&
		mount -T "$2" -a && grep -c "^lines $3 fuse.p2pfs " /proc/mounts &&
		{ mount -t fuse.p2pfs lines "$3" -o "$4" && exit 9; umount "$3"; } && ! grep " $3 " /proc/mounts &&
		{ mount -t fuse.p2pfs lines "$3" -o bogus=1; test $? != 0; }`, "sh", sbin, fstab, m.mnt(), options)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "there\n1\n") || !strings.Contains(string(out), "already mounted") || !strings.Contains(string(out), "bogus") {
		t.Errorf("%v: %s", err, out)
	}
	within(t, patience, func() error { // its process still winds up
		s, err := state.Open(filepath.Join(m.base, "state"))
		if err == nil {
			err = s.Close()
		}
		return err
	})
}

// TestMountPoints is what a mount point may be, also for the command that is
// to heal one.
func TestMountPoints(t *testing.T) {
	m := newMounted(t, t.Name(), "anna", "--no-embedded-tracker")
	top := clitest.Tree(t, "full/x", "link -> full")
	if err := os.WriteFile(filepath.Join(top, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"none": "no such file", "none/below": "no such file", "file": "not a directory", "full": "not empty", "link": "not empty",
	} {
		args := append([]string{"mount", filepath.Join(top, dir)}, m.args()[1:]...)
		runArgs(t, args...).want(t, cli.ExitFailed, want)
		runArgs(t, append(args, "--daemon")...).want(t, cli.ExitFailed, want)
	}
	c := m.spawn()
	c.Process.Kill()
	c.waitEnd(t)
	if _, err := os.ReadDir(m.mnt()); err == nil {
		t.Fatal("the mount is not dead")
	}
	c = m.spawn()
	if _, err := os.ReadDir(m.mnt()); err != nil || !strings.Contains(c.stderr.String(), "dead mount") {
		t.Errorf("not healed: %v, %s", err, c.stderr)
	}
	c.Process.Kill()
	c.waitEnd(t)
	runArgs(t, "umount", m.mnt()).want(t, cli.ExitDone, "")
	notMounted(t, m.mnt())
	if _, err := mounting.Check(m.mnt()); err != nil {
		t.Error(err)
	}
}
