package drive

import (
	"context"

	"p2pfs/swarm/guard"
)

// notices makes the calls of the caller's callbacks, which may block, on a
// goroutine of their own. Safe for concurrent use.
type notices struct {
	calls  chan func()   // in order
	views  chan func()   // those of changed views; room for one: later changes are told together
	viewed chan struct{} // one of views was made: there may be more to tell
}

func newNotices() *notices {
	return &notices{make(chan func(), 256), make(chan func(), 1), make(chan struct{}, 1)}
}

// run makes calls until ctx ends.
func (n *notices) run(ctx context.Context, g *guard.Guard) {
	for {
		select {
		case f := <-n.calls:
			g.Do(f)
		case f := <-n.views:
			g.Do(f)
			offer(n.viewed, struct{}{})
		case <-ctx.Done():
			return
		}
	}
}
