package lsd

import (
	"net/netip"
	"time"
)

// How many datagrams are looked at: from one address, and in all. A client
// that starts with some dozen torrents sends as many at once, some repeat
// each, and then few.
const (
	sourceBurst = 100
	sourceEvery = time.Second
	totalBurst  = 500
	totalEvery  = 20 * time.Millisecond
	maxSources  = 256
)

// gate bounds what is listened to. It is pure and has no clock.
type gate struct {
	total   time.Time // when totalBurst may come again
	sources map[netip.Addr]time.Time
	swept   time.Time
}

func newGate() gate { return gate{sources: map[netip.Addr]time.Time{}} }

// admits takes one datagram off the budget of its source, or says no.
func (g *gate) admits(source netip.Addr, now time.Time) bool {
	total := later(g.total, now)
	if total.Sub(now) > (totalBurst-1)*totalEvery {
		return false
	}
	full, known := g.sources[source]
	if !known && len(g.sources) >= maxSources && !g.makeRoom(now) {
		return false
	}
	if full = later(full, now); full.Sub(now) > (sourceBurst-1)*sourceEvery {
		return false
	}
	g.sources[source], g.total = full.Add(sourceEvery), total.Add(totalEvery)
	return true
}

// makeRoom forgets sources that have their whole budget again. It looks for
// them once a second at most: who forges many sources is not to cost us time.
func (g *gate) makeRoom(now time.Time) bool {
	if now.Before(g.swept.Add(sourceEvery)) {
		return false
	}
	g.swept = now
	for a, full := range g.sources {
		if !full.After(now) {
			delete(g.sources, a)
		}
	}
	return len(g.sources) < maxSources
}
