//go:build linux

package fs

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The kernel takes a request back on any signal that its thread would notice,
// also on one that is caught and means nothing to a read: a timer, a child's
// end, the runtime of a Go program switching goroutines. On a disk no read
// notices these. Here it would fail with EINTR, and worse, a page fault in a
// mapped file would kill the process with SIGBUS. So these do not end a call.

// harmless are the signals that nobody sends to stop something.
const harmless = 1<<(syscall.SIGURG-1) | 1<<(syscall.SIGCHLD-1) | 1<<(syscall.SIGWINCH-1) |
	1<<(syscall.SIGALRM-1) | 1<<(syscall.SIGVTALRM-1) | 1<<(syscall.SIGPROF-1) |
	1<<(syscall.SIGIO-1) | 1<<(syscall.SIGCONT-1) |
	^uint64(1<<31-1) // real-time signals: timers, and what threads tell one another

// signals are masks of a thread, bit n-1 for signal n (proc(5)).
type signals struct{ pending, blocked, caught uint64 }

// due are the signals that the thread will get when it leaves the kernel.
func (s signals) due() uint64 { return s.pending &^ s.blocked }

// grave tells whether one of them is meant to stop something. One that is not
// caught is about to end or stop the process, whatever it is.
func (s signals) grave() bool { return s.due()&^(harmless&s.caught) != 0 }

// signalsOf returns the masks of a thread.
func signalsOf(tid int) (signals, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return signals{}, err
	}
	return parseSignals(string(text))
}

func parseSignals(status string) (signals, error) {
	var s signals
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		if len(key) != len("SigPnd") || !strings.Contains("SigPnd ShdPnd SigBlk SigCgt", key) {
			continue
		}
		mask, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil {
			return s, err
		}
		switch key {
		case "SigPnd", "ShdPnd":
			s.pending |= mask
		case "SigBlk":
			s.blocked = mask
		case "SigCgt":
			s.caught = mask
		}
	}
	return s, nil
}

// lookTime is how often a thread with a harmless signal is looked at again. The
// kernel says nothing of a second signal.
const lookTime = 100 * time.Millisecond

// spared tells whether c goes on in spite of an interrupt. If so it is ended
// when its thread gets a signal that counts. Where no signal is due any more,
// another thread took it, and it may have been Ctrl-C.
func (s *server) spared(c *call) bool {
	if sig, err := signalsOf(c.pid); err != nil || sig.due() == 0 || sig.grave() {
		return false
	}
	s.wg.Go(func() {
		tick := time.NewTicker(lookTime)
		defer tick.Stop()
		for {
			select {
			case <-c.Done():
				return
			case <-tick.C:
			}
			if sig, err := signalsOf(c.pid); err != nil || sig.grave() {
				c.end()
				return
			}
		}
	})
	return true
}
