//go:build linux

package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/torrents"
	"p2pfs/cmd/p2pfs/tree"
	"p2pfs/fs/mounting"
	"p2pfs/swarm/wire"
)

// piped starts p2pfs with one pipe for stdout and stderr, reads the first line
// that has the text, and goes away as head -1 does.
func piped(t *testing.T, text string, args ...string) (c *child, line string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c = &child{Cmd: selfCommand(args...), done: make(chan struct{})}
	c.Stdout, c.Stderr = w, w
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() { defer close(c.done); c.Wait() }()
	t.Cleanup(func() { c.Process.Kill(); <-c.done })
	for lines := bufio.NewReader(r); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("no %q before its end: %v", text, err)
		}
		if strings.Contains(line, text) {
			return c, line
		}
	}
}

// complain puts into the share directory what the log tells of.
func complain(t *testing.T, m *mounted) {
	t.Helper()
	if err := syscall.Mkfifo(m.share("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMountOutlivesItsReader has who read its output go away: lines that cannot
// be written any more are nobody's loss.
func TestMountOutlivesItsReader(t *testing.T) {
	m := newMounted(t, t.Name(), "anna", "--no-embedded-tracker")
	c, _ := piped(t, "p2pfs: drive ", append([]string{"mount"}, m.args()...)...)
	t.Cleanup(func() { mounting.Unmount(m.mnt(), true) })
	complain(t, m)
	m.write("there", []byte("x"))
	within(t, patience, func() error {
		if c.ended() {
			t.Fatalf("it has ended: %v", c.ProcessState)
		}
		_, err := os.Stat(m.mnt("there"))
		return err
	})
	runArgs(t, "umount", m.mnt()).want(t, cli.ExitDone, "")
	if s := c.waitEnd(t); s.ExitCode() != cli.ExitDone {
		t.Errorf("ended with %v", s)
	}
	notMounted(t, m.mnt())
}

// TestMountOutlivesAStoppedReader has who read its output stop reading, as a
// terminal does at ^S: nothing waits for him, and the end is an end.
func TestMountOutlivesAStoppedReader(t *testing.T) {
	m := newMounted(t, t.Name(), "anna", "--no-embedded-tracker")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := &child{Cmd: selfCommand(append([]string{"mount"}, m.args()...)...), done: make(chan struct{})}
	c.Stderr = w
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(c.done); c.Wait() }()
	t.Cleanup(func() { c.Process.Kill(); <-c.done; mounting.Unmount(m.mnt(), true) })
	within(t, patience, func() error {
		_, err := os.ReadDir(m.mnt(tree.SpecialDir))
		return err
	})
	if err := fill(w); err != nil {
		t.Fatal(err)
	}
	complain(t, m)
	for _, name := range []string{"one", "two", "three"} {
		m.write(name, []byte(name))
		within(t, patience, func() error { _, err := os.Stat(m.mnt(name)); return err })
	}
	runArgs(t, "umount", m.mnt()).want(t, cli.ExitDone, "")
	c.waitEnd(t)
}

// fill makes the pipe that w writes to as full as it gets.
func fill(w *os.File) error {
	defer w.Close()
	fd := int(w.Fd())
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	for size := 4096; size > 0; size /= 2 {
		for {
			if _, err := unix.Write(fd, make([]byte, size)); err == unix.EAGAIN {
				break
			} else if err != nil {
				return err
			}
		}
	}
	return unix.SetNonblock(fd, false) // the process has the same description
}

// TestSeedOutlivesItsReader is the same for the other commands that stay.
func TestSeedOutlivesItsReader(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.WriteFile(data, make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	torrent := filepath.Join(dir, "data.torrent")
	runArgs(t, "create", data, "-o", torrent).want(t, cli.ExitDone, "")
	c, line := piped(t, "verified, serving on ", "seed", torrent, "--data", data, "--listen", "127.0.0.1:0", "--no-lsd",
		"--state", filepath.Join(dir, "state"), "--log-level", "debug")
	_, addr, _ := strings.Cut(strings.TrimSpace(line), "serving on ")
	for range 5 { // each is told in the log
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatalf("it has ended: %v", err)
		}
		io.WriteString(conn, strings.Repeat("no peer", 100))
		io.Copy(io.Discard, conn)
		conn.Close()
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if s := c.waitEnd(t); s.ExitCode() < 0 {
		t.Errorf("ended with %v", s)
	}
}

// TestSeedOutlivesAStoppedReader has nobody read what it logs of a hundred
// connections: it goes on to answer them.
func TestSeedOutlivesAStoppedReader(t *testing.T) {
	dir := t.TempDir()
	data, torrent := filepath.Join(dir, "data"), filepath.Join(dir, "data.torrent")
	if err := os.WriteFile(data, make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	runArgs(t, "create", data, "-o", torrent).want(t, cli.ExitDone, "")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := selfCommand("seed", torrent, "--data", data, "--listen", "127.0.0.1:0", "--no-lsd",
		"--state", filepath.Join(dir, "state"), "--log-level", "debug")
	cmd.Stderr = w
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := fill(w); err != nil {
		t.Fatal(err)
	}
	_, addr, _ := strings.Cut(strings.TrimSpace(line), "serving on ")
	for range 100 { // each holds a place until it is logged
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		io.WriteString(conn, strings.Repeat("no peer", 100))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("it does not answer any more: %v", err)
		}
		conn.Close()
	}
	m, err := torrents.ReadMetaInfo(torrent)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	conn.Write(wire.AppendHandshake(nil, wire.Handshake{InfoHash: m.Info.InfoHashes()[0], PeerID: [20]byte{'x'}}))
	if _, err := io.ReadFull(conn, make([]byte, 68)); err != nil {
		t.Errorf("it does not answer any more: %v", err)
	}
}

// TestNobodyReadsOutput ends a command that only prints, without a word more.
func TestNobodyReadsOutput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd := selfCommand("help")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	text, _ := io.ReadAll(stderr)
	if err := cmd.Wait(); err == nil || len(text) > 0 {
		t.Errorf("got %v, %q; want a failure without words", err, text)
	}
}
