// Package places says who gets one of a swarm's places for connections, and who
// keeps his where there are not enough.
//
// Of a drive (Rule): keys and connections are free, addresses are not, so it is
// counted by address group, before and beside all that an owner has done for us. Of a
// torrent (Peers), where many may stand behind one address and prove nothing: who is of
// no use makes room, else who canonical priority ranks lowest (BEP 40). It is pure: times
// come in, verdicts go out; it knows no connection.
package places

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"time"
)

// minStay is how long somebody stays, and has been of no use, before he makes room.
const minStay = 10 * time.Second

// ErrFull is why somebody gets no place.
var ErrFull = errors.New("too many connections")

// A Place is a connection as far as it matters for who keeps his.
type Place struct {
	ID      int
	Group   netip.Prefix
	Dialled bool // by us
	Trusted bool // never asked to make room
	Met     bool // was connected once before this time
	Since   time.Time
	Active  time.Time // when it was last of use
	Served  int64     // bytes that we asked for and got
}

// Rule is how many places there are: Max connections in all.
type Rule struct{ Max int }

// reserved is how many places are for those whom we dial, however many dial us:
// who can be dialled is not chosen by strangers.
func (r Rule) reserved() int { return r.Max / 4 }

// PerGroup is how many members of one group are dialled.
func (r Rule) PerGroup() int { return max(r.reserved()/2, 1) }

// ToDial returns how many more are to be dialled. A half of all places is filled
// by dialling; the rest is for those who dial us.
func (r Rule) ToDial(dialled, all int) int {
	return max(r.reserved()-dialled, max(r.Max/2, 1)-all)
}

// Admit says who makes room for a newcomer: nobody, -1, where there is room;
// ErrFull where nobody does.
func (r Rule) Admit(list []Place, newcomer Place, now time.Time) (victim int, err error) {
	dialled := 0
	var incoming []Place
	for _, x := range list {
		if x.Dialled {
			dialled++
		} else {
			incoming = append(incoming, x)
		}
	}
	switch {
	case newcomer.Dialled && (len(list) < r.Max || dialled >= r.reserved()):
		if len(list) >= r.Max {
			return 0, ErrFull
		}
		return -1, nil
	case !newcomer.Dialled && len(incoming) < r.Max-max(r.reserved(), dialled):
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
func evict(incoming []Place, newcomer Place, now time.Time) int {
	sizes := make(map[netip.Prefix]int)
	for _, x := range incoming {
		if !x.Trusted { // they are never asked to make room
			sizes[x.Group]++
		}
	}
	largest := 0
	for _, n := range sizes {
		largest = max(largest, n)
	}
	own := sizes[newcomer.Group] + 1
	candidates := slices.DeleteFunc(slices.Clone(incoming), func(x Place) bool {
		switch {
		case x.Trusted:
			return true
		case largest > own:
			return sizes[x.Group] < largest
		case own > 1 && !newcomer.Trusted:
			return x.Group != newcomer.Group
		}
		return false
	})
	if largest <= own {
		candidates = idle(unprotected(candidates), now)
	}
	if len(candidates) == 0 {
		return -1
	}
	return slices.MinFunc(candidates, lessWorth).ID
}

// unprotected takes out those who keep their places among equals: half of all,
// by what they served, by whether they were met before, and by how long they are
// here.
func unprotected(list []Place) []Place {
	slices.SortFunc(list, func(x, y Place) int { return cmp.Compare(x.ID, y.ID) }) // of equals the one who came first
	for _, better := range []func(x, y Place) int{
		func(x, y Place) int { return cmp.Compare(y.Served, x.Served) },
		func(x, y Place) int { return cmp.Compare(number(y.Met), number(x.Met)) },
		func(x, y Place) int { return x.Since.Compare(y.Since) },
	} {
		slices.SortStableFunc(list, better)
		list = list[len(list)/4:]
	}
	return list
}

// idle leaves those who were here and of no use for some time.
func idle(list []Place, now time.Time) []Place {
	return slices.DeleteFunc(list, func(x Place) bool { return now.Sub(x.Since) < minStay || now.Sub(x.Active) < minStay })
}

// lessWorth orders by who is to go first: never met, served least, came last.
func lessWorth(x, y Place) int {
	return cmp.Or(cmp.Compare(number(x.Met), number(y.Met)), cmp.Compare(x.Served, y.Served), y.Since.Compare(x.Since), cmp.Compare(y.ID, x.ID))
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
