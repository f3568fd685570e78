//go:build linux

package swarmtest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// recorder is a testing.TB that takes note of how it was ended.
type recorder struct {
	testing.TB
	failed, skipped string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// record runs f with a recorder.
func record(t *testing.T, f func(testing.TB)) *recorder {
	r := &recorder{TB: t}
	done := make(chan bool)
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r
}

func TestNeed(t *testing.T) {
	tests := []struct {
		ci, program     string
		failed, skipped string // parts of the message
	}{
		{"", "sh", "", ""},
		{"true", "sh", "", ""},
		{"", "no-such-program", "", "no-such-program is missing"},
		{"true", "no-such-program", "CI is set", ""},
	}
	for _, tt := range tests {
		t.Setenv("CI", tt.ci)
		r := record(t, func(t testing.TB) { Need(t, "sh", tt.program) })
		if (r.failed != "") != (tt.failed != "") || (r.skipped != "") != (tt.skipped != "") ||
			!strings.Contains(r.failed, tt.failed) || !strings.Contains(r.skipped, tt.skipped) {
			t.Errorf("CI=%q, %s: failed %q, skipped %q", tt.ci, tt.program, r.failed, r.skipped)
		}
	}
}

func TestProcessEnds(t *testing.T) {
	CheckLeaks(t)
	p := Start(t, "", "sh", "-c", `echo "home is $HOME"; exit 3`)
	err := p.Wait(5 * time.Second)
	if err == nil || err.Error() != "exit status 3" {
		t.Errorf("got %v, want exit status 3", err)
	}
	if want := "home is " + p.Home + "\n"; p.Log() != want {
		t.Errorf("output %q, want %q", p.Log(), want)
	}
	if p.exited() {
		t.Error("status 3 counts as success")
	}
	if err := Start(t, "", "true").Wait(5 * time.Second); err != nil {
		t.Errorf("true: %v", err)
	}
}

func TestProcessIsStopped(t *testing.T) {
	start := time.Now()
	p := Start(t, "", "sleep", "100")
	if err := p.Wait(10 * time.Millisecond); !errors.Is(err, errRuns) {
		t.Errorf("got %v, want %v", err, errRuns)
	}
	p.Stop()
	if took := time.Since(start); took > termWait {
		t.Errorf("took %v: SIGTERM had no effect", took)
	}
	p.Stop() // harmless
}

// TestStubbornProcessIsKilled ends a shell that ignores SIGTERM, and the
// child it has.
func TestStubbornProcessIsKilled(t *testing.T) {
	t.Parallel()
	p := Start(t, "", "sh", "-c", `trap "" TERM; sleep 100 & echo child $!; while :; do sleep 0.05; done`)
	var child int
	p.until(t, "telling its child", 5*time.Second, func() bool {
		n, _ := fmt.Sscanf(p.Log(), "child %d\n", &child)
		return n == 1
	})
	p.Stop()
	if !poll(5*time.Second, func() bool { return gone(child) }) {
		t.Fatalf("process %d is still there", child)
	}
}

// gone reports whether a process has ended, be it that nobody has waited for
// it yet.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestUntilTellsOfAnEarlyEnd(t *testing.T) {
	p := Start(t, "", "sh", "-c", "exit 5")
	r := record(t, func(t testing.TB) { p.until(t, "ready", 5*time.Second, func() bool { return false }) })
	if want := "sh: not ready, and it has ended: exit status 5"; r.failed != want {
		t.Errorf("got %q, want %q", r.failed, want)
	}
	p = Start(t, "", "sleep", "100")
	r = record(t, func(t testing.TB) { p.until(t, "ready", 50*time.Millisecond, func() bool { return false }) })
	if want := "sleep: not ready after 50ms"; r.failed != want {
		t.Errorf("got %q, want %q", r.failed, want)
	}
}

func TestOutputKeepsTheEnd(t *testing.T) {
	var o output
	for i := range 40_000 {
		fmt.Fprintf(&o, "line %d\n", i)
	}
	got := o.String()
	if len(got) > maxLog || !strings.HasSuffix(got, "line 39998\nline 39999\n") {
		t.Errorf("%d bytes, ending %q", len(got), got[max(0, len(got)-30):])
	}
}
