package swarmtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	termWait = 3 * time.Second // from SIGTERM to SIGKILL
	maxLog   = 64 << 10        // bytes of output that are kept
)

// Need ends the test unless all these programs can be run: it fails it where
// the environment has CI set, and skips it elsewhere. "libtorrent" stands for
// Debian's python with that module.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		err := find(p)
		if err == nil {
			continue
		}
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing, and CI is set: %v (apt-get install %s)", p, err, packageOf(p))
		}
		t.Skipf("%s is missing: %v (apt-get install %s)", p, err, packageOf(p))
	}
}

func find(program string) error {
	if program == "libtorrent" {
		return haveLibtorrent()
	}
	_, err := exec.LookPath(program)
	return err
}

// packageOf returns the Debian package of a program.
func packageOf(program string) string {
	switch program {
	case "libtorrent":
		return "python3-libtorrent"
	case "aria2c":
		return "aria2"
	case "transmission-remote":
		return "transmission-cli"
	case "unshare":
		return "util-linux"
	}
	return program
}

// haveLibtorrent returns why the python module cannot be used. It asks once.
var haveLibtorrent = sync.OnceValue(func() error {
	out, err := exec.Command(python, "-c", "import libtorrent").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %.100s", python, err, out)
	}
	return nil
})

// Process is a running program. It has a process group of its own and an
// empty directory as its HOME, and is ended with the test: SIGTERM to it,
// SIGKILL to the group 3 s later. Its last output is logged if the test
// failed.
type Process struct {
	Name string // of the program
	Home string // its HOME

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // why; to be read after done
	log  output
}

// Start runs a program with Debian's usual environment and no input. Whoever
// starts it says in dir, if not empty, where it is to run.
func Start(t testing.TB, dir, name string, args ...string) *Process {
	t.Helper()
	return startIn(t, scratch(t), dir, name, args...)
}

// scratch makes a directory that is open to all users, as what gives up
// root's rights needs it. t.TempDir is not. It is removed with the test.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "swarmtest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// startIn is Start with a HOME.
func startIn(t testing.TB, home, dir, name string, args ...string) *Process {
	t.Helper()
	p := &Process{Name: name, Home: home, done: make(chan struct{})}
	p.cmd = exec.Command(name, args...)
	p.cmd.Dir = dir
	p.cmd.Env = []string{"HOME=" + p.Home, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "TERM=dumb"}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.SysProcAttr = ownGroup()
	started := make(chan error)
	go func() {
		// The death signal comes when the thread that started it ends.
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("%s %s\n%s", name, strings.Join(args, " "), p.Log())
		}
	})
	return p
}

// Stop ends the program and returns when it has ended.
func (p *Process) Stop() {
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(termWait):
	}
	killGroup(p.cmd.Process) // also what it started
	<-p.done
}

// Kill ends the program at once, as a crash would.
func (p *Process) Kill() {
	killGroup(p.cmd.Process)
	<-p.done
}

// Signal sends a signal to the program, if it still runs.
func (p *Process) Signal(sig os.Signal) { _ = p.cmd.Process.Signal(sig) }

// Pid returns the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// CPU is the processor time that the program has taken so far, with that of the
// kernel for it, and of the children that have ended.
func (p *Process) CPU() time.Duration {
	select {
	case <-p.done:
		return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	default:
		return cpuOf(p.Pid())
	}
}

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Log returns the last 64 KiB of its output.
func (p *Process) Log() string { return p.log.String() }

// errRuns is Wait's error for a program that has not ended in time.
var errRuns = errors.New("still running")

// Wait waits for the program to end, at most so long, and returns nil if its
// exit status was 0.
func (p *Process) Wait(patience time.Duration) error {
	select {
	case <-p.done:
		return p.err
	case <-time.After(patience):
		return fmt.Errorf("%s: %w after %v", p.Name, errRuns, patience)
	}
}

// until polls ready every 20 ms until it is true. It ends the test when the
// program has ended before, or after patience.
func (p *Process) until(t testing.TB, what string, patience time.Duration, ready func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !ready() {
		select {
		case <-p.done:
			if ready() { // it did its last work after we looked
				return
			}
			t.Fatalf("%s: not %s, and it has ended: %v", p.Name, what, p.err)
		case <-ctx.Done():
			t.Fatalf("%s: not %s after %v", p.Name, what, patience)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// output keeps the end of what is written to it.
type output struct {
	mu  sync.Mutex
	buf []byte
}

// Write keeps p and forgets what is too old.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = append(o.buf, p...)
	if over := len(o.buf) - maxLog; over > maxLog {
		o.buf = append([]byte(nil), o.buf[over:]...)
	}
	return len(p), nil
}

// String returns at most the last 64 KiB.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(bytes.ToValidUTF8(o.buf[max(0, len(o.buf)-maxLog):], []byte("?")))
}
