package places

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/book"
)

// How often members are let in who came to us: each is told what heads there are,
// which is much for a connection that costs nothing. Those who were here before are
// counted by their key, so that they need not share what strangers of their address
// group use up; all others by that group.
const (
	groupPerS   = 0.5
	groupBurst  = 40 // all who are behind one address at once
	metPerS     = 0.1
	metBurst    = 10
	maxArrivals = 4096
)

// arrivals bounds how often connections are let in, by what they have in common.
// (x/time/rate takes the time as a parameter.)
type arrivals[K comparable] struct {
	perS  rate.Limit
	burst int
	of    map[K]*rate.Limiter
}

func newArrivals[K comparable](perS rate.Limit, burst int) arrivals[K] {
	return arrivals[K]{perS, burst, make(map[K]*rate.Limiter)}
}

// allow reports whether one more of k may come in now, and counts it. While too
// many are known at once, those that are not share one budget.
func (a arrivals[K]) allow(k K, now time.Time) bool {
	if a.of[k] == nil && len(a.of) >= maxArrivals {
		k = *new(K)
	}
	if a.of[k] == nil {
		a.of[k] = rate.NewLimiter(a.perS, a.burst)
	}
	return a.of[k].AllowN(now, 1)
}

// forget drops those of whom nobody came for some time. To be called every minute
// or so.
func (a arrivals[K]) forget(now time.Time) {
	for k, r := range a.of {
		if r.TokensAt(now) >= float64(a.burst) {
			delete(a.of, k)
		}
	}
}

// A Door is where those come in who dialled us. It belongs to one goroutine at a
// time.
type Door struct {
	groups arrivals[netip.Prefix]
	met    arrivals[book.Owner]
}

// NewDoor makes a Door.
func NewDoor() *Door {
	return &Door{newArrivals[netip.Prefix](groupPerS, groupBurst), newArrivals[book.Owner](metPerS, metBurst)}
}

// Lets reports whether a member may come in now, and counts him: by his key if he
// was here before, else, or where that is too often, by his address group.
func (d *Door) Lets(group netip.Prefix, k book.Owner, met bool, now time.Time) bool {
	return met && d.met.allow(k, now) || d.groups.allow(group, now)
}

// Forget drops those of whom nobody came for some time. To be called every minute
// or so.
func (d *Door) Forget(now time.Time) {
	d.groups.forget(now)
	d.met.forget(now)
}
