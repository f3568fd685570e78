package tracker

import (
	"context"
	"sync"
	"time"
)

// A call is one Announce or Scrape under way.
type call struct {
	infoHash [20]byte // zero for a scrape
	cancel   context.CancelCauseFunc
	hurried  chan struct{} // closed when somebody waits for the answer
	hurry    func()        // closes it, once

	unanswered func(tries int) // Request.Unanswered
}

// grace is how much longer the other address family may take once one has
// answered.
func (k *call) grace() time.Duration {
	select {
	case <-k.hurried:
		return urgentGrace
	default:
		return grace
	}
}

// calls are those under way, so that the end of the Client and those who wait
// for an answer reach them.
type calls struct {
	busy sync.WaitGroup

	mu     sync.Mutex // guards what follows
	all    map[*call]struct{}
	closed bool
}

// enter registers a call; leave ends it.
func (cs *calls) enter(ctx context.Context, req Request) (context.Context, *call, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed {
		return nil, nil, ErrClosed
	}
	cs.busy.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	k := &call{infoHash: req.InfoHash, unanswered: req.Unanswered, cancel: cancel, hurried: make(chan struct{})}
	k.hurry = sync.OnceFunc(func() { close(k.hurried) })
	if req.Urgent {
		k.hurry()
	}
	cs.all[k] = struct{}{}
	return ctx, k, nil
}

func (cs *calls) leave(k *call) {
	k.cancel(nil)
	cs.mu.Lock()
	delete(cs.all, k)
	cs.mu.Unlock()
	cs.busy.Done()
}

// hurry makes the calls for a torrent urgent.
func (cs *calls) hurry(infoHash [20]byte) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for k := range cs.all {
		if k.infoHash == infoHash {
			k.hurry()
		}
	}
}

// end ends all calls with ErrClosed; busy tells when they have ended.
func (cs *calls) end() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.closed = true
	for k := range cs.all {
		k.cancel(ErrClosed)
	}
}
