//go:build unix

package trackertest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Program finds a program that a test cannot do without; see Missing.
func Program(tb testing.TB, name, debianPackage string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(tb, name, debianPackage)
	}
	return path
}

// Missing ends a test that needs what is not installed here: it fails if CI is
// set, and is skipped, saying so, elsewhere.
func Missing(tb testing.TB, what, debianPackage string) {
	tb.Helper()
	message := fmt.Sprintf("%s is not installed (Debian: apt-get install %s)", what, debianPackage)
	if os.Getenv("CI") != "" {
		tb.Fatal(message)
	}
	tb.Skip("SKIPPED, NOT TESTED: " + message)
}

// FreePort returns a port that is free on an address, for TCP and UDP both.
// Somebody else may take it meanwhile, which is unlikely: the system gives out
// ports in a random order.
func FreePort(tb testing.TB, host string) uint16 {
	tb.Helper()
	for range 20 {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			tb.Fatal(err)
		}
		pc, err := net.ListenPacket("udp", l.Addr().String())
		l.Close()
		if err == nil {
			pc.Close()
			return uint16(l.Addr().(*net.TCPAddr).Port)
		}
	}
	tb.Fatal("no port is free for both TCP and UDP")
	return 0
}

// Run starts a program in a process group of its own and ends the group when the
// test ends: politely, and three seconds later by force. What it said is logged
// if the test failed.
func Run(tb testing.TB, cmd *exec.Cmd) {
	tb.Helper()
	var out bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &out
	}
	cmd.Stderr = &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 3 * time.Second
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		group := -cmd.Process.Pid
		syscall.Kill(group, syscall.SIGTERM)
		force := time.AfterFunc(3*time.Second, func() { syscall.Kill(group, syscall.SIGKILL) })
		cmd.Wait()
		force.Stop()
		if tb.Failed() && out.Len() > 0 {
			tb.Logf("%s said:\n%s", filepath.Base(cmd.Path), out.Bytes())
		}
	})
}
