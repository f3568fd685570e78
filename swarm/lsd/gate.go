package lsd

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"
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
	total   *rate.Limiter
	sources map[netip.Addr]*rate.Limiter
	swept   time.Time
}

func newGate() gate {
	return gate{total: rate.NewLimiter(rate.Every(totalEvery), totalBurst), sources: map[netip.Addr]*rate.Limiter{}}
}

// admits takes one datagram off the budget of its source, or says no.
func (g *gate) admits(source netip.Addr, now time.Time) bool {
	if g.total.TokensAt(now) < 1 {
		return false
	}
	one := g.sources[source]
	if one == nil {
		if len(g.sources) >= maxSources && !g.makeRoom(now) {
			return false
		}
		one = rate.NewLimiter(rate.Every(sourceEvery), sourceBurst)
		g.sources[source] = one
	}
	return one.AllowN(now, 1) && g.total.AllowN(now, 1)
}

// makeRoom forgets sources that have their whole budget again. It looks for
// them once a second at most: who forges many sources is not to cost us time.
func (g *gate) makeRoom(now time.Time) bool {
	if now.Before(g.swept.Add(sourceEvery)) {
		return false
	}
	g.swept = now
	for a, one := range g.sources {
		if one.TokensAt(now) >= sourceBurst {
			delete(g.sources, a)
		}
	}
	return len(g.sources) < maxSources
}
