package state

import "net/netip"

// lane says how an author became known.
type lane uint8

const (
	heard   lane = iota // somebody told of him who has not met him either
	vouched             // somebody told of him who has met him
	came                // he was connected here himself
)

// Parts of the table of authors.
const (
	groupShare = 4  // a group may fill one part in so many
	tightShare = 64 // of that, when the whole table is full
	quietShare = 32 // beyond which a group's authors are not passed on
)

// places bounds the authors known by the address group that brought them: keys
// are free, addresses are not. None of them is forgotten for a newcomer, for what
// is forgotten can be rolled back: a group that has used up its places is refused.
// Those who come themselves find some left by those who were told of, and those
// whom the teller has met by those whom he has not.
//
// It holds limit authors and, beyond that, a few of each group. Pure.
type places struct {
	limit   int
	total   int
	used    map[netip.Prefix]int
	refused bool // somebody, since this was last cleared
}

func newPlaces(limit int) places {
	return places{limit: limit, used: make(map[netip.Prefix]int)}
}

// take takes a place for an author. False if there is none.
func (p *places) take(group netip.Prefix, l lane) bool {
	room := p.limit / groupShare
	if p.total >= p.limit {
		room /= tightShare
	}
	switch l {
	case heard:
		room /= 2
	case vouched:
		room -= room / 4
	}
	if p.used[group] >= max(room, 1) {
		p.refused = true
		return false
	}
	p.add(group)
	return true
}

// many reports whether a group has brought so many authors that more of them
// would take up too much of what we may bring to others.
func (p *places) many(group netip.Prefix) bool { return p.used[group] > p.limit/quietShare }

// add takes a place that may not be refused.
func (p *places) add(group netip.Prefix) {
	p.used[group]++
	p.total++
}

// free gives a place back.
func (p *places) free(group netip.Prefix) {
	p.total--
	if p.used[group]--; p.used[group] == 0 {
		delete(p.used, group)
	}
}

// crowded reports whether those that need not be known any more should go.
func (p *places) crowded() bool { return p.refused || p.total > p.limit/2 }
