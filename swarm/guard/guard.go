// Package guard keeps a bug of ours that foreign bytes set off from ending the
// process: what runs under a Guard and panics is dropped, counted and logged with
// its stack, and everything else goes on.
//
// It catches nothing in goroutines that the guarded function starts: those are
// guarded where they start. What a panic left half done is its caller's to drop:
// the connection, the event, the torrent. A lock must be released by defer where
// what it guards is done under a Guard.
package guard

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
)

// ErrPanic is wrapped by what Do returns of a function that panicked.
var ErrPanic = errors.New("internal error")

// A Guard runs functions that may panic. It is safe for concurrent use. A nil
// Guard recovers too, and logs nothing.
type Guard struct {
	log    *slog.Logger
	caught atomic.Int64
}

// New makes a Guard that logs to log; nil: nowhere.
func New(log *slog.Logger) *Guard { return &Guard{log: log} }

// Do runs f. It returns nil, or, where f panicked, an error that wraps ErrPanic.
func (g *Guard) Do(f func()) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		err = fmt.Errorf("%w: %v", ErrPanic, p)
		if _, planted := p.(Planted); !planted {
			total.Add(1)
		}
		if g == nil {
			return
		}
		g.caught.Add(1)
		if g.log != nil {
			g.log.Error("panic", "err", p, "stack", string(debug.Stack()))
		}
	}()
	f()
	return nil
}

// Caught is how many panics this Guard has seen; anything but 0 is worth a
// report.
func (g *Guard) Caught() int64 {
	if g == nil {
		return 0
	}
	return g.caught.Load()
}

// Planted is what a test panics with to see a Guard at work. Total leaves it out.
type Planted string

// total counts the panics of the process that no test planted. It is of the
// process and not of a Guard because it has one use: that tests fail on a panic
// that was caught out of their sight.
var total atomic.Int64

// Total is how many panics all Guards of the process have seen, Planted ones left
// out. A package's TestMain fails unless it is 0 at the end.
func Total() int64 { return total.Load() }
