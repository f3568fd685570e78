package gather

import (
	"bytes"
	"maps"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/places"
)

// sameTime: connections made within it may be two sides dialling at once.
const sameTime = 10 * time.Second

// conns are the connections that have a place. Guarded by the Gathering's mu.
type conns struct {
	rule   places.Rule
	door   *places.Door
	byID   map[int]*Conn
	lastID int
	self   book.Owner // ours
}

// of is the connection to an owner, nil if there is none.
func (cs *conns) of(o book.Owner) *Conn {
	for _, c := range cs.byID {
		if c.who.Owner == o {
			return c
		}
	}
	return nil
}

// listening reports whether somebody says that he listens at an address.
func (cs *conns) listening(a netip.AddrPort) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(cs.byID)), func(c *Conn) bool { return c.listen == a })
}

// admit gives a connection a place, or says why it gets none. out is who made room
// for it.
func (cs *conns) admit(c *Conn, now time.Time) (out *Conn, why, err error) {
	if !c.Dialled.IsValid() && !c.who.Trusted && !cs.door.Lets(netgroup.Of(c.Remote.Addr()), c.who.Owner, c.who.Met, now) {
		return nil, nil, ErrOften
	}
	why = ErrDuplicate
	if out = cs.of(c.who.Owner); out != nil {
		if !cs.replaces(c, out, now) {
			return nil, nil, ErrDuplicate
		}
	} else {
		list := make([]places.Place, 0, len(cs.byID))
		for _, c := range cs.byID {
			list = append(list, c.place())
		}
		victim, err := cs.rule.Admit(list, c.place(), now)
		if err != nil {
			return nil, nil, err
		}
		why, out = ErrIdle, cs.byID[victim] // nil where there is room
	}
	if out != nil {
		delete(cs.byID, out.id)
	}
	cs.lastID++
	c.id, c.since = cs.lastID, now
	c.active.Store(now.UnixNano())
	cs.byID[c.id] = c
	return out, why, nil
}

// replaces says which of two connections between the same members stays. Where
// both sides have dialled at once it is the one that the smaller owner dialled:
// both come to the same result. Otherwise it is the newer one: whoever dialled
// it has lost the other.
func (cs *conns) replaces(c, old *Conn, now time.Time) bool {
	if c.Dialled.IsValid() == old.Dialled.IsValid() || now.Sub(old.since) > sameTime {
		return true
	}
	weAreSmaller := bytes.Compare(cs.self[:], c.who.Owner[:]) < 0
	return c.Dialled.IsValid() == weAreSmaller
}

// remove takes a connection's place, if it has one still.
func (cs *conns) remove(c *Conn) {
	if cs.byID[c.id] == c {
		delete(cs.byID, c.id)
	}
}

// dialled counts the connections that we dialled, by group and in all.
func (cs *conns) dialled() (groups map[netip.Prefix]int, all int) {
	groups = map[netip.Prefix]int{}
	for _, c := range cs.byID {
		if c.Dialled.IsValid() {
			groups[netgroup.Of(c.Dialled.Addr())]++
			all++
		}
	}
	return groups, all
}
