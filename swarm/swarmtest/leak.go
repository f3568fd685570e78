package swarmtest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// leakWait is how long what a test started may take to end behind it.
const leakWait = 10 * time.Second

// CheckLeaks fails the test if, 10 s after it and all its later cleanups have
// ended, there are goroutines that did not exist at this call, or more file
// descriptors. To be called first in a test, and not in one that runs in
// parallel with others.
func CheckLeaks(t testing.TB) {
	t.Helper()
	goroutines, files := goroutines(), openFiles()
	t.Cleanup(func() {
		var left []string
		ended := poll(leakWait, func() bool {
			left = leaks(goroutines, files)
			return len(left) == 0
		})
		if !ended {
			t.Errorf("left behind:\n%s", strings.Join(left, "\n\n"))
		}
	})
}

// leaks lists what is there now and was not before.
func leaks(beforeG map[string]string, beforeF map[string]string) (left []string) {
	for id, stack := range goroutines() {
		if _, ok := beforeG[id]; !ok && !ours(stack) {
			left = append(left, stack)
		}
	}
	// Numbers are used again, so files are compared by their count.
	if now := openFiles(); len(now) > len(beforeF) {
		for fd, name := range now {
			if beforeF[fd] != name {
				left = append(left, fmt.Sprintf("file descriptor %s: %s", fd, name))
			}
		}
	}
	return left
}

// ours reports whether a goroutine belongs to the runtime or the test's
// frame, which come and go by themselves.
func ours(stack string) bool {
	for _, mark := range []string{"runtime.Stack(", "os/signal.signal_recv", "testing.(*T).Run(", "testing.runFuzzing(",
		"created by testing.(*T).Run", "testing.(*M).startAlarm", "runtime.ReadTrace"} {
		if strings.Contains(stack, mark) {
			return true
		}
	}
	return false
}

// goroutines returns the stacks of all goroutines by their id.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	stacks := make(map[string]string)
	for stack := range strings.SplitSeq(string(buf[:n]), "\n\n") {
		id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		stacks[id] = stack
	}
	return stacks
}

// openFiles returns what each open file descriptor is, by its number; those
// of the runtime's poller are left out. It is empty where there is no /proc.
func openFiles() map[string]string {
	files := make(map[string]string)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return files
	}
	for _, e := range entries {
		name, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || strings.HasPrefix(name, "anon_inode:[event") || strings.HasPrefix(name, "/proc/") {
			continue
		}
		files[e.Name()] = name
	}
	return files
}
