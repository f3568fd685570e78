//go:build linux

package fs

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// childEnv makes the test binary do one thing in a process of its own.
const childEnv = "P2PFS_FS_CHILD"

// A signal goes to the main thread, as in a program with only one.
func init() {
	if os.Getenv(childEnv) != "" {
		runtime.LockOSThread()
	}
}

func TestMain(m *testing.M) {
	switch what, arg, _ := strings.Cut(os.Getenv(childEnv), " "); what {
	case "":
		os.Exit(m.Run())
	case "mount":
		childMount(arg)
	case "read":
		childRead(arg)
	case "map":
		childMap(arg)
	case "maps":
		childMaps(arg)
	case "alarm":
		childAlarm(arg)
	default:
		os.Exit(3)
	}
}

// childMount mounts a tree with a file "f" and one "stuck", says so, and
// serves until its input ends.
func childMount(dir string) {
	tree := newMem()
	tree.put("f", bytes.Repeat([]byte("child"), 1000))
	tree.put("stuck", make([]byte, 1<<20)).block(0)
	m, err := Mount(Config{Dir: dir, Tree: tree})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("mounted")
	io.Copy(io.Discard, os.Stdin)
	m.Close()
	os.Exit(0)
}

// childRead reads one byte of a file with SIGINT caught, and exits with the
// errno. The argument is an offset, flags for open, and the path.
func childRead(arg string) {
	f := strings.SplitN(arg, " ", 3)
	off, _ := strconv.ParseInt(f[0], 10, 64)
	flags, _ := strconv.Atoi(f[1])
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	fd, err := unix.Open(f[2], flags, 0)
	exitOn(err)
	p, err := unix.Mmap(-1, 0, 1<<16, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE) // aligned, for O_DIRECT
	exitOn(err)
	fmt.Println("reading")
	_, err = unix.Pread(fd, p[:4096], off)
	exitOn(err)
	os.Exit(0)
}

// No process may map a file of its own mount: a page fault holds up the Go
// runtime, and that the answer. So what maps is always a child.

// childMaps compares a mapped file with what it should be.
func childMaps(path string) {
	data := noise(1, randomSize)
	r := rand.New(rand.NewPCG(3, 4))
	for range 10 {
		if err := mapped(path, data, r); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	fmt.Println("equal")
	os.Exit(0)
}

// childAlarm reads a byte while its thread gets a timer's signals, which it
// catches.
func childAlarm(path string) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGALRM)
	pid, tid := os.Getpid(), unix.Gettid()
	go func() {
		for range time.Tick(5 * time.Millisecond) {
			unix.Tgkill(pid, tid, syscall.SIGALRM)
		}
	}()
	childRead("0 0 " + path)
}

// childMap touches a page of a mapped file; exit 0 if it was there.
func childMap(path string) {
	f, err := os.Open(path)
	exitOn(err)
	p, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE)
	exitOn(err)
	fmt.Println("reading")
	os.Exit(int(p[0]))
}

func exitOn(err error) {
	if err == nil {
		return
	}
	if no, ok := err.(syscall.Errno); ok {
		os.Exit(int(no))
	}
	os.Exit(255)
}

// process is a child of the test; it is killed at the test's end, if need be.
type process struct {
	*exec.Cmd
	first string        // line that it wrote
	done  chan struct{} // closed when it ended

	status syscall.WaitStatus // set before done is closed
}

// spawn starts the test binary to do what, and waits for its first line.
func spawn(t *testing.T, what string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+what, "GORACE=atexit_sleep_ms=0")
	if strings.HasPrefix(what, "read") {
		// A thread to which the runtime has just sent a signal does not get the
		// next one, another does.
		cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
	}
	p := &process{Cmd: cmd, done: make(chan struct{})}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	p.start(t)
	t.Cleanup(func() { in.Close() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%s: no first line: %v", what, err)
	}
	p.first = strings.TrimSpace(line)
	return p
}

// start starts a command that says nothing.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.start(t)
	return p
}

func (p *process) start(t *testing.T) {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		st, err := p.Process.Wait() // Cmd.Wait would close the pipe under the first line
		if err == nil {
			p.status = st.Sys().(syscall.WaitStatus)
		}
	}()
	t.Cleanup(func() {
		p.Process.Kill()
		<-p.done
	})
}

// ended returns how p ended, or fails the test if that takes longer than d.
func (p *process) ended(t *testing.T, d time.Duration) syscall.WaitStatus {
	t.Helper()
	select {
	case <-p.done:
		return p.status
	case <-time.After(d):
		t.Fatalf("%s still runs after %v", p.Cmd, d)
		return 0
	}
}
