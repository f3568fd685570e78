package drive

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/netgroup"
)

// Outdated is a member that speaks an older version of the protocol and was
// refused for it. Nothing is proven of him, not even that he is a member: he
// says so himself.
type Outdated struct {
	Name string // as he calls himself
	Addr netip.AddrPort
	Seen time.Time
}

// Bounds on what is noted of those.
const (
	maxOutdated  = 16
	outdatedLife = 30 * time.Minute // after he was last met
)

// outdated notes the members of older versions, one for each address group: more
// would be anybody's to make up. Pure; owned by the loop.
type outdated map[netip.Prefix]Outdated

// note reports whether that is news.
func (o outdated) note(name string, addr netip.AddrPort, now time.Time) bool {
	o.expire(now)
	group := netgroup.Of(addr.Addr())
	_, known := o[group]
	if !known && len(o) >= maxOutdated {
		return false
	}
	o[group] = Outdated{name, addr, now}
	return !known
}

// updated notes that a member at an address is of today.
func (o outdated) updated(addr netip.Addr) {
	group := netgroup.Of(addr)
	if o[group].Addr.Addr() == addr {
		delete(o, group)
	}
}

func (o outdated) expire(now time.Time) {
	for group, x := range o {
		if now.Sub(x.Seen) > outdatedLife {
			delete(o, group)
		}
	}
}

// list returns all, by address.
func (o outdated) list(now time.Time) []Outdated {
	o.expire(now)
	list := make([]Outdated, 0, len(o))
	for _, x := range o {
		list = append(list, x)
	}
	slices.SortFunc(list, func(x, y Outdated) int { return cmp.Or(x.Addr.Compare(y.Addr), cmp.Compare(x.Name, y.Name)) })
	return list
}

// Outdated returns who was refused of late because his p2pfs is older.
func (d *Drive) Outdated() []Outdated {
	return ask(d, func(l *loop) []Outdated { return l.outdated.list(time.Now()) })
}
