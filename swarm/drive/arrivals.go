package drive

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

// How often members of one address group are let in: each is told what heads
// there are, which is much for a connection that costs nothing.
const (
	arrivalsPerS = 0.5
	arrivalBurst = 40 // all who are behind one address at once
	maxArrivals  = 4096
)

// arrivals bounds how often connections that came to us are let in, by group.
// Pure but for x/time/rate, which takes the time as a parameter. Owned by the
// loop.
type arrivals map[netip.Prefix]*rate.Limiter

// allow reports whether one of a group may come in now, and counts it. While too
// many groups are known at once, those that are not share one budget.
func (a arrivals) allow(group netip.Prefix, now time.Time) bool {
	if a[group] == nil && len(a) >= maxArrivals {
		group = netip.Prefix{}
	}
	if a[group] == nil {
		a[group] = rate.NewLimiter(arrivalsPerS, arrivalBurst)
	}
	return a[group].AllowN(now, 1)
}

// forget drops the groups of which nobody came for some time. To be called every
// minute or so.
func (a arrivals) forget(now time.Time) {
	for group, r := range a {
		if r.TokensAt(now) >= arrivalBurst {
			delete(a, group)
		}
	}
}
