//go:build linux

package fs

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// The kernel asks for more than a program reads: it reads ahead, and around a
// page that a mapped file is touched at. It waits for all of that before it
// gives the program the page it asked for, which may have been here all along.
// So such a request is given up when its bytes do not come. Nobody sees that
// error: the kernel then asks for the one page that is needed, and only that
// is waited for.

const (
	// mixedPatience is how long a request may take of which a part is here.
	mixedPatience = 20 * time.Millisecond
	// aheadPatience is how long one may take of which nothing is.
	aheadPatience = 300 * time.Millisecond
	// restPatience is how long the next one may take that goes on where one
	// was given up just now.
	restPatience = 10 * time.Millisecond

	maxGivenUp = 64 // ranges remembered by a handle
)

// ErrAhead may be what a Content answers to a request of which Ahead says that
// it may be for more than is needed. No program sees it: the kernel then asks
// for the one page that is.
var ErrAhead = errors.New("more than is needed, and not here")

// aheadContext is the context of a request that may be for more than is needed.
type aheadContext struct{ context.Context }

type aheadKey struct{}

func (c aheadContext) Value(key any) any {
	if key == (aheadKey{}) {
		return true
	}
	return c.Context.Value(key)
}

// Ahead tells whether the request of a ReadAt may be for more bytes than its
// program reads.
func Ahead(ctx context.Context) bool { return ctx.Value(aheadKey{}) != nil }

// Partial is what a Content may be, too, that is here in part.
type Partial interface {
	// Present tells whether n bytes from off can be read without a wait. It
	// does not block, and may be called after Close.
	Present(off, n int64) bool
}

// givenUp are the ranges of a handle whose requests were given up. What is
// asked for within one of them is needed. The zero value is ready.
type givenUp struct {
	mu   sync.Mutex
	list []span    // guarded by mu, oldest first
	last int64     // end of the newest; guarded by mu
	at   time.Time // when that was; guarded by mu
}

type span struct{ off, end int64 }

func (g *givenUp) add(off, end int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.list) >= maxGivenUp {
		g.list = slices.Delete(g.list, 0, 1)
	}
	g.list = append(g.list, span{off, end})
	g.last, g.at = end, time.Now()
}

// patience is how long a request at off may take; 0 says as long as it needs.
func (g *givenUp) patience(off int64) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.list {
		if s.off <= off && off < s.end {
			return 0
		}
	}
	if off == g.last && time.Since(g.at) < aheadPatience {
		return restPatience
	}
	return aheadPatience
}

// readAhead is readAt of a request that may be for more than is needed.
func (h *handle) readAhead(ctx context.Context, p []byte, off int64) (int, error) {
	wait := time.Duration(0)
	if part, ok := h.content.(Partial); h.paged && len(p) > page && !(ok && part.Present(off, int64(len(p)))) {
		wait = h.givenUp.patience(off)
	}
	if wait == 0 {
		return h.readAt(ctx, p, off)
	}
	end := off + int64(len(p))
	ctx, cancel := context.WithCancelCause(aheadContext{ctx})
	defer cancel(nil)
	late := time.AfterFunc(min(wait, mixedPatience), func() {
		if wait > mixedPatience && !h.mixed(off, end) {
			time.AfterFunc(wait-mixedPatience, func() { cancel(ErrAhead) })
			return
		}
		cancel(ErrAhead)
	})
	defer late.Stop()
	n, err := h.readAt(ctx, p, off)
	if err != nil && context.Cause(ctx) == ErrAhead || errors.Is(err, ErrAhead) {
		h.givenUp.add(off, end)
		return 0, ErrAhead
	}
	return n, err
}

// mixed tells whether a part of a range is here.
func (h *handle) mixed(off, end int64) bool {
	part, ok := h.content.(Partial)
	for ; ok && off < end; off += blockSize {
		if part.Present(off, min(blockSize, end-off)) {
			return true
		}
	}
	return false
}
