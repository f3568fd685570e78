package drive

import (
	"slices"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/gather"
	"p2pfs/swarm/netgroup"
)

// conns are the connections to members that the loop knows. Owned by it.
type conns struct {
	byKey map[catalog.Key]*conn
	byID  map[int]*conn
	next  int
}

func newConns() conns {
	return conns{byKey: make(map[catalog.Key]*conn), byID: make(map[int]*conn)}
}

// add numbers a connection.
func (a *conns) add(c *conn, now time.Time) {
	c.id, c.since = a.next, now
	a.next++
	a.byKey[c.Key], a.byID[c.id] = c, c
}

// drop forgets a connection; false if it is not known.
func (a *conns) drop(c *conn) bool {
	if a.byID[c.id] != c {
		return false
	}
	delete(a.byID, c.id)
	if a.byKey[c.Key] == c {
		delete(a.byKey, c.Key)
	}
	return true
}

// passOn tells all members of an address.
func (a *conns) passOn(m message.Address) {
	for _, c := range a.byID {
		if c.Key != m.Key && netgroup.MayKnow(c.net.Remote.Addr(), m.Addr.Addr()) {
			c.Say(message.Peers{Members: []message.Address{m}})
		}
	}
}

// joined tells of a connection that has a place.
type joined struct {
	c     *conn
	taken chan<- error
}

func (e joined) apply(l *loop) {
	if old := l.conns.byKey[e.c.Key]; old != nil { // whose place this one has
		l.remove(old, gather.ErrDuplicate)
	}
	l.register(e.c, time.Now())
	e.taken <- nil
}

func (e joined) dropped(l *loop, err error) {
	offer(e.taken, err)
	l.remove(e.c, err)
}

func (d *Drive) trusts(k catalog.Key) bool { return slices.Contains(d.cfg.Trusted, k) }

func (l *loop) register(c *conn, now time.Time) {
	l.conns.add(c, now)
	l.views.stale = true
	l.state.Authors.Met(c.Key, c.group(), l.d.cfg.Now())
	l.objects.Join(c.id, c.Key)
	l.greetMember(c)
	l.outdated.updated(c.net.Remote.Addr())
	if ahead := c.Ahead(l.d.cfg.Now()); ahead.Abs() >= MaxAhead {
		l.d.log.Warn("a member's clock differs from ours", "name", c.Name, "member", c.Key.Short(), "ahead", ahead)
	}
	l.d.log.Debug("member connected", "member", c.Key.Short(), "peer", c.net.Remote)
}

// remove closes a connection and forgets it.
func (l *loop) remove(c *conn, err error) {
	c.net.Close(err)
	if !l.conns.drop(c) {
		return // already
	}
	l.views.stale = true
	l.objects.Leave(c.id, c.Key)
	l.who.Leave(c.id)
	l.gossip.Leave(c.id)
	l.state.Authors.Gone(c.Key, l.d.cfg.Now())
}

// left tells that the reader of a connection has ended.
type left struct{ c *conn }

func (e left) apply(l *loop) {
	if l.conns.byID[e.c.id] == e.c {
		l.remove(e.c, e.c.net.Err())
	}
}

func (e left) dropped(l *loop, err error) { l.remove(e.c, err) }
