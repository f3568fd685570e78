package gossip

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/catalog"
)

// Burst and PerS are how many heads a member reads at least, at once and each
// second.
const (
	Burst = 20_000 // a first exchange of all heads
	PerS  = 200
)

// How fast heads are sent to a member: slower than he reads them at least, for
// what he answers stands behind them.
const (
	owedBurst = Burst - Burst/4
	owedPerS  = PerS - PerS/4
)

// rank is the order in which heads are sent.
type rank int

const (
	rankHere rank = iota // of members connected here, and of ourselves
	rankMet              // of members who were
	rankFar              // of those of whom others told
)

// owed holds the authors whose heads a member is to be sent: those who are here
// first; of those whom nobody here has met the address groups that brought them
// have their turns, so that none delays what came by another for long. Pure.
type owed struct {
	all  map[catalog.Key]bool
	near [rankFar][]catalog.Key
	far  map[netip.Prefix][]catalog.Key
	ring []netip.Prefix // with something in far
	rate *rate.Limiter
}

func newOwed() owed {
	return owed{
		all: make(map[catalog.Key]bool), far: make(map[netip.Prefix][]catalog.Key),
		rate: rate.NewLimiter(owedPerS, owedBurst),
	}
}

// add adds an author, if he is not in it.
func (o *owed) add(k catalog.Key, r rank, group netip.Prefix) {
	if o.all[k] {
		return
	}
	o.all[k] = true
	if r < rankFar {
		o.near[r] = append(o.near[r], k)
		return
	}
	if len(o.far[group]) == 0 {
		o.ring = append(o.ring, group)
	}
	o.far[group] = append(o.far[group], k)
}

// next takes out the author whose turn it is. There must be one.
func (o *owed) next() catalog.Key {
	for r := range o.near {
		if list := o.near[r]; len(list) > 0 {
			o.near[r] = list[1:]
			delete(o.all, list[0])
			return list[0]
		}
	}
	group := o.ring[0]
	o.ring = o.ring[1:]
	k := o.far[group][0]
	if rest := o.far[group][1:]; len(rest) > 0 {
		o.far[group] = rest
		o.ring = append(o.ring, group)
	} else {
		delete(o.far, group)
	}
	delete(o.all, k)
	return k
}

// ready reports whether there is something to be sent, and it may be.
func (o *owed) ready(now time.Time) bool { return len(o.all) > 0 && o.rate.TokensAt(now) >= 1 }
