package drive

import (
	"slices"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/gather"
)

// joined tells of a connection that has a place.
type joined struct {
	c     *conn
	taken chan<- error
}

func (e joined) apply(l *loop) {
	if old := l.conns[e.c.key]; old != nil { // whose place this one has
		l.remove(old, gather.ErrDuplicate)
	}
	l.register(e.c, time.Now())
	e.taken <- nil
}

func (e joined) dropped(l *loop, err error) {
	offer(e.taken, err)
	l.expel(e.c, err)
}

// expel closes a connection over which an event of the loop panicked, and
// forgets it without asking more of what may be half done.
func (l *loop) expel(c *conn, err error) {
	c.net.Close(err)
	if l.byID[c.id] == c {
		delete(l.byID, c.id)
		if l.conns[c.key] == c {
			delete(l.conns, c.key)
		}
		l.filter.stale = true
		l.fetch.Leave(c.id)
		l.who.Leave(c.id)
		l.gossip.Leave(c.id)
		l.state.Authors.Gone(c.key, l.d.cfg.Now())
	}
}

func (d *Drive) trusts(k catalog.Key) bool { return slices.Contains(d.cfg.Trusted, k) }

func (l *loop) register(c *conn, now time.Time) {
	c.member = member{id: l.nextID, since: now}
	l.nextID++
	l.conns[c.key], l.byID[c.id] = c, c
	l.filter.stale = true
	l.state.Authors.Met(c.key, c.group(), l.d.cfg.Now())
	l.fetch.Join(c.id)
	l.greetMember(c)
	l.outdated.updated(c.net.Remote.Addr())
	l.tellClock(c)
	l.d.log.Debug("member connected", "member", c.key.Short(), "peer", c.net.Remote)
}

// remove closes a connection and forgets it.
func (l *loop) remove(c *conn, err error) {
	c.net.Close(err)
	if l.byID[c.id] != c {
		return // already
	}
	delete(l.byID, c.id)
	delete(l.conns, c.key)
	l.filter.stale = true
	l.fetch.Leave(c.id)
	l.who.Leave(c.id)
	l.gossip.Leave(c.id)
	l.state.Authors.Gone(c.key, l.d.cfg.Now())
}

// left tells that the reader of a connection has ended.
type left struct{ c *conn }

func (e left) apply(l *loop) {
	if l.byID[e.c.id] == e.c {
		l.remove(e.c, e.c.net.Err())
	}
}

func (e left) dropped(l *loop, err error) { l.expel(e.c, err) }
