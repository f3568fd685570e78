package gather

import (
	"maps"
	"time"

	"p2pfs/swarm/book"
)

const (
	// rememberEvery is how often those who were reached are handed out, maxRemembered
	// how many.
	rememberEvery = 10 * time.Second
	maxRemembered = 1000
)

// memory is what was handed out, to be known another time.
type memory struct {
	at   time.Time
	list map[book.Peer]bool
}

// remember hands out who was reached, where that has changed. last: it is the end.
func (g *Gathering) remember(now time.Time, last bool) {
	if g.cfg.Remember == nil {
		return
	}
	var list []book.Peer
	due := false
	g.locked(func() {
		if !last && now.Sub(g.memory.at) < rememberEvery {
			return
		}
		if list = g.book.Reached(maxRemembered); len(list) == 0 {
			return // the first are handed out at once
		}
		g.memory.at = now
		set := map[book.Peer]bool{}
		for _, p := range list {
			set[p] = true
		}
		if due = !maps.Equal(set, g.memory.list); due {
			g.memory.list = set
		}
	})
	if due {
		g.net.Guard.Do(func() { g.cfg.Remember(list) })
	}
}
