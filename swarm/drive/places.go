package drive

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/netgroup"
)

// place is a connection as far as it matters for who keeps his.
type place struct {
	id      int
	group   netip.Prefix
	dialled bool
	trusted bool
	met     bool      // was connected once before this time
	since   time.Time // of the connection
	active  time.Time // when it was last of use
	served  int64     // bytes that we asked for and got
}

// places says who gets a place and who keeps his where there are not enough.
// Keys and connections are free, addresses are not: so it is counted by address
// group. Pure.
type places struct {
	max int // connections in all
}

// reserved is how many places are for those whom we dial, however many dial us:
// who can be dialled is not chosen by strangers.
func (p places) reserved() int { return p.max / 4 }

// perGroup is how many members of one group are dialled.
func (p places) perGroup() int { return max(p.reserved()/2, 1) }

// toDial returns how many more are to be dialled. A half of all places is filled
// by dialling; the rest is for those who dial us.
func (p places) toDial(dialled, all int) int {
	return max(p.reserved()-dialled, max(p.max/2, 1)-all)
}

// admit says who makes room for a newcomer: nobody, -1, where there is room;
// ErrFull where nobody does.
func (p places) admit(list []place, newcomer place, now time.Time) (victim int, err error) {
	dialled := 0
	var incoming []place
	for _, x := range list {
		if x.dialled {
			dialled++
		} else {
			incoming = append(incoming, x)
		}
	}
	switch {
	case newcomer.dialled && (len(list) < p.max || dialled >= p.reserved()):
		if len(list) >= p.max {
			return 0, ErrFull
		}
		return -1, nil
	case !newcomer.dialled && len(incoming) < p.max-max(p.reserved(), dialled):
		return -1, nil
	}
	if victim = evict(incoming, newcomer, now); victim < 0 {
		return 0, ErrFull
	}
	return victim, nil
}

// evict chooses who of those that dialled us goes for a newcomer; -1: nobody. It
// is the least worth of the largest group, where that has more than the
// newcomer's would have. Otherwise it is somebody idle and unprotected: of the
// newcomer's group, if it has places already.
func evict(incoming []place, newcomer place, now time.Time) int {
	sizes := make(map[netip.Prefix]int)
	for _, x := range incoming {
		if !x.trusted { // they are never asked to make room
			sizes[x.group]++
		}
	}
	largest := 0
	for _, n := range sizes {
		largest = max(largest, n)
	}
	own := sizes[newcomer.group] + 1
	candidates := slices.DeleteFunc(slices.Clone(incoming), func(x place) bool {
		switch {
		case x.trusted:
			return true
		case largest > own:
			return sizes[x.group] < largest
		case own > 1 && !newcomer.trusted:
			return x.group != newcomer.group
		}
		return false
	})
	if largest <= own {
		candidates = idle(unprotected(candidates), now)
	}
	if len(candidates) == 0 {
		return -1
	}
	return slices.MinFunc(candidates, lessWorth).id
}

// unprotected takes out those who keep their places among equals: half of all,
// by what they served, by whether they were met before, and by how long they are
// here.
func unprotected(list []place) []place {
	for _, better := range []func(x, y place) int{
		func(x, y place) int { return cmp.Compare(y.served, x.served) },
		func(x, y place) int { return cmp.Compare(number(y.met), number(x.met)) },
		func(x, y place) int { return x.since.Compare(y.since) },
	} {
		slices.SortStableFunc(list, better)
		list = list[len(list)/4:]
	}
	return list
}

// idle leaves those who were here and of no use for some time.
func idle(list []place, now time.Time) []place {
	return slices.DeleteFunc(list, func(x place) bool { return now.Sub(x.since) < minStay || now.Sub(x.active) < minStay })
}

// lessWorth orders by who is to go first: never met, served least, came last.
func lessWorth(x, y place) int {
	return cmp.Or(cmp.Compare(number(x.met), number(y.met)), cmp.Compare(x.served, y.served), y.since.Compare(x.since), cmp.Compare(y.id, x.id))
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// place returns a connection as places sees it.
func (c *conn) place(trusts func(catalog.Key) bool) place {
	return place{
		id: c.id, group: netgroup.Of(c.remote.Addr()), dialled: c.dialled.IsValid(), trusted: trusts(c.key),
		met: c.met, since: c.since, active: c.active, served: c.served,
	}
}

// dialledGroups counts the connections that we dialled, by group and in all.
func (l *loop) dialledGroups() (groups map[netip.Prefix]int, all int) {
	groups = make(map[netip.Prefix]int)
	for _, c := range l.byID {
		if c.dialled.IsValid() {
			groups[netgroup.Of(c.dialled.Addr())]++
			all++
		}
	}
	return groups, all
}
