package tracker

import "context"

// A call is one Announce or Scrape under way.
type call struct {
	infoHash [20]byte // zero for a scrape
	cancel   context.CancelCauseFunc
	hurried  chan struct{} // closed when somebody waits for the answer
	urgent   bool          // hurried is closed; guarded by Client.mu

	unanswered func(tries int) // Request.Unanswered
}

// Hurry makes the announces of a torrent that are under way urgent (see
// Request.Urgent): the next try comes at most 15 seconds after the last one.
func (c *Client) Hurry(infoHash [20]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.calls {
		if k.infoHash == infoHash {
			k.hurry()
		}
	}
}

// hurry makes a call urgent. The caller holds Client.mu.
func (k *call) hurry() {
	if !k.urgent {
		k.urgent = true
		close(k.hurried)
	}
}

// enter registers a call, so that Close and Hurry reach it; leave ends it.
func (c *Client) enter(ctx context.Context, req Request) (context.Context, *call, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed() {
		return nil, nil, ErrClosed
	}
	c.busy.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	k := &call{infoHash: req.InfoHash, unanswered: req.Unanswered, cancel: cancel, hurried: make(chan struct{})}
	if req.Urgent {
		k.hurry()
	}
	c.calls[k] = struct{}{}
	return ctx, k, nil
}

func (c *Client) leave(k *call) {
	k.cancel(nil)
	c.mu.Lock()
	delete(c.calls, k)
	c.mu.Unlock()
	c.busy.Done()
}
