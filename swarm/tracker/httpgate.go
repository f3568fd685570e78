package tracker

import (
	"context"
	"sync"
)

const (
	// maxPerHost is how many requests go to one HTTP tracker at a time, but for
	// those that somebody waits for and for last ones.
	maxPerHost = 8
	// maxTrackerID bounds an id that a tracker gives us, maxIDs how many are kept.
	maxTrackerID = 256
	maxIDs       = 4096
)

// gates let some requests at a time pass to a host, so that a thousand torrents
// are not a thousand connections.
type gates struct {
	mu  sync.Mutex
	all map[string]*gate // by host; guarded by mu
}

type gate struct {
	slots chan struct{}
	users int // guarded by gates.mu
}

// pass waits until a request may go to a host; leave must be called after it.
func (gs *gates) pass(ctx context.Context, k *call, host string, last bool) (leave func(), err error) {
	if last {
		return func() {}, nil
	}
	gs.mu.Lock()
	g := gs.all[host]
	if g == nil {
		g = &gate{slots: make(chan struct{}, maxPerHost)}
		gs.all[host] = g
	}
	g.users++
	gs.mu.Unlock()
	held := false
	leave = func() {
		if held {
			<-g.slots
		}
		gs.mu.Lock()
		defer gs.mu.Unlock()
		if g.users--; g.users == 0 {
			delete(gs.all, host)
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

// trackerIDs are what HTTP trackers want to be told again with the next announce
// (BEP 3).
type trackerIDs struct {
	mu  sync.Mutex
	all map[idOf]string // guarded by mu
}

func (ids *trackerIDs) get(of idOf) string {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	return ids.all[of]
}

// keep keeps an id until the torrent stops; without a new one the old one stays.
func (ids *trackerIDs) keep(of idOf, id string, event Event) {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	if event == Stopped {
		delete(ids.all, of)
		return
	}
	if id == "" || len(id) > maxTrackerID {
		return
	}
	if _, ok := ids.all[of]; !ok && len(ids.all) >= maxIDs {
		for some := range ids.all {
			delete(ids.all, some)
			break
		}
	}
	ids.all[of] = id
}
