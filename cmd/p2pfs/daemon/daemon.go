//go:build linux

// Package daemon has a command go on in the background: it is started anew, says when
// it is ready, writes a bounded log, and tells systemd how it is.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/human"
)

const (
	// readyEnv is set for a mount in the background: the number of the
	// descriptor on which it says that it has mounted, or why not.
	readyEnv = "P2PFS_READY_FD"
	// LogName is the log of a mount in the background, in its state directory.
	LogName = "log"
	// MaxLog is how many bytes a log may have before a new one is begun; the
	// one before is kept.
	MaxLog = 1 << 20
)

// An answer on the descriptor begins with one of these; its text follows.
const (
	SaysReady  = "+"
	SaysFailed = "-"
)

// Starter is who waits for a mount in the background to be ready. A nil
// starter is nobody.
type Starter struct{ pipe *os.File }

// OpenStarter returns the starter of this process.
func OpenStarter() *Starter {
	fd, err := strconv.Atoi(os.Getenv(readyEnv))
	if err != nil {
		return nil
	}
	os.Unsetenv(readyEnv)
	unix.CloseOnExec(fd)
	return &Starter{os.NewFile(uintptr(fd), "ready")}
}

// Tell says how it went; the first call counts.
func (s *Starter) Tell(verdict, text string) {
	if s == nil || s.pipe == nil {
		return
	}
	io.WriteString(s.pipe, verdict+text) // who has given up does not listen
	s.pipe.Close()
	s.pipe = nil
}

// Start runs the same command as a process of its own session and returns
// once that has mounted, or with the reason why it has not.
func Start(ctx context.Context, c cli.Call, state string) error {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	path := filepath.Join(state, LogName)
	log, err := OpenLog(path)
	if err != nil {
		return err
	}
	defer log.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, append([]string{"mount"}, c.Raw...)...)
	cmd.Args[0] = "p2pfs"
	cmd.Env = append(withoutNotify(os.Environ()), readyEnv+"=3")
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return err
	}
	text, err := Verdict(ctx, r, cmd)
	if err != nil {
		return fmt.Errorf("%w; log: %s", err, path)
	}
	fmt.Fprintf(c.Stderr, "%s, process %d, log %s\n", text, cmd.Process.Pid, human.Quoted(path))
	return nil
}

// Verdict waits for what the process says, and ends it when ctx does.
func Verdict(ctx context.Context, r io.Reader, cmd *exec.Cmd) (string, error) {
	stop := context.AfterFunc(ctx, func() { cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	said, _ := io.ReadAll(r)
	if text, ok := strings.CutPrefix(string(said), SaysReady); ok && ctx.Err() == nil {
		return text, nil
	}
	err := cmd.Wait()
	if ctx.Err() != nil {
		return "", cli.ErrInterrupted
	}
	if text, ok := strings.CutPrefix(string(said), SaysFailed); ok {
		return "", errors.New(text)
	}
	return "", fmt.Errorf("the mount ended before it was ready (%v)", err)
}

// withoutNotify leaves out what systemd says to the process that it started:
// the one in the background is another.
func withoutNotify(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "NOTIFY_SOCKET" || name == "WATCHDOG_USEC" || name == "WATCHDOG_PID"
	})
}
