package tracker

import "context"

const (
	// maxPerHost is how many requests go to one HTTP tracker at a time, but for
	// those that somebody waits for and for last ones.
	maxPerHost = 8
	// maxTrackerID bounds an id that a tracker gives us, maxIDs how many are kept.
	maxTrackerID = 256
	maxIDs       = 4096
)

// A gate lets some requests at a time pass to a host, so that a thousand torrents
// are not a thousand connections.
type gate struct {
	slots chan struct{}
	users int // guarded by Client.mu
}

// pass waits until a request may go to a host; leave must be called after it.
func (c *Client) pass(ctx context.Context, k *call, host string, last bool) (leave func(), err error) {
	if last {
		return func() {}, nil
	}
	c.mu.Lock()
	g := c.gates[host]
	if g == nil {
		g = &gate{slots: make(chan struct{}, maxPerHost)}
		c.gates[host] = g
	}
	g.users++
	c.mu.Unlock()
	held := false
	leave = func() {
		if held {
			<-g.slots
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if g.users--; g.users == 0 {
			delete(c.gates, host)
		}
	}
	select {
	case g.slots <- struct{}{}:
		held = true
	case <-k.hurried:
	case <-ctx.Done():
		leave()
		return nil, ended(ctx)
	}
	return leave, nil
}

// idOf is what a tracker's id is kept for.
type idOf struct {
	target
	infoHash [20]byte
}

// A trackerID is what a tracker wants to be told again with the next announce
// (BEP 3).
type trackerID = string

func (c *Client) trackerID(of idOf) trackerID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ids[of]
}

// keepTrackerID keeps an id until the torrent stops; without a new one the old
// one stays.
func (c *Client) keepTrackerID(of idOf, id trackerID, event Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if event == Stopped {
		delete(c.ids, of)
		return
	}
	if id == "" || len(id) > maxTrackerID {
		return
	}
	if _, ok := c.ids[of]; !ok && len(c.ids) >= maxIDs {
		for any := range c.ids {
			delete(c.ids, any)
			break
		}
	}
	c.ids[of] = id
}
