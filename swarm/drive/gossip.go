package drive

import (
	"net/netip"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/netgroup"
)

// received is a message that is for the loop.
type received struct {
	c     *conn
	m     message.Message
	hash  catalog.Hash    // of an object
	taken chan<- struct{} // closed when the loop is through with it; may be nil
}

func (e received) apply(l *loop) {
	if e.taken != nil {
		defer close(e.taken)
	}
	if l.byID[e.c.id] != e.c {
		return // closed meanwhile
	}
	now := time.Now()
	switch m := e.m.(type) {
	case message.Summary:
		l.onSummary(e.c, m, now)
	case message.Heads:
		l.onHeads(e.c, m, now)
	case message.Object:
		l.onObject(e.c, e.hash, m.Data, now)
	case message.None:
		l.onNone(e.c, m, now)
	case message.Holds:
		l.onHolds(e.c, m, now)
	case message.Peers:
		l.onPeers(e.c, m)
	}
}

func (e received) dropped(l *loop, err error) { l.expel(e.c, err) }

// drained tells that a connection's writer has nothing more to do.
type drained struct{ c *conn }

func (e drained) apply(l *loop) {
	if l.byID[e.c.id] == e.c {
		l.pump(e.c, time.Now())
	}
}

func (e drained) dropped(l *loop, err error) { l.expel(e.c, err) }

// greetMember tells a new member what is here.
func (l *loop) greetMember(c *conn) {
	versions := l.state.Versions()
	for len(versions) > message.MaxVersions {
		c.send(message.Summary{Versions: versions[:message.MaxVersions], More: true})
		versions = versions[message.MaxVersions:]
	}
	c.send(message.Summary{Versions: versions, More: false})
	var list []message.Address
	for _, p := range l.book.Reached(message.MaxAddresses) {
		if a := (message.Address{Key: catalog.Key(p.Owner), Addr: p.Addr}); a.Key != c.key && netgroup.MayKnow(c.remote.Addr(), a.Addr.Addr()) {
			list = append(list, a)
		}
	}
	if len(list) > 0 {
		c.send(message.Peers{Members: list})
	}
}

func (l *loop) onSummary(c *conn, m message.Summary, now time.Time) {
	for _, v := range m.Versions {
		if _, ok := l.state.Head(v.Key); ok { // of others he will send the heads
			c.gossip.learn(v.Key, v.Seq, v.Age, now)
			l.hearsay(v.Key, v.Seq, catalog.Told{Age: v.Age}, now)
		}
	}
	if m.More || c.gossip.ready {
		return
	}
	c.gossip.ready = true
	for _, v := range l.state.Versions() {
		l.owe(c, v.Key, now)
	}
	l.pump(c, now)
}

// hearsay notes what somebody tells of an author whose newest head is known, and
// passes it on where that is news.
func (l *loop) hearsay(k catalog.Key, seq int64, told catalog.Told, now time.Time) {
	if l.state.Hearsay(k, seq, told) {
		l.spread(k, now)
	}
}

// owe notes that a member is to be sent an author's head, if he has not got it
// or has got its author's age wrong.
func (l *loop) owe(c *conn, author catalog.Key, now time.Time) {
	h, ok := l.state.Head(author)
	if !ok || !c.gossip.ready {
		return
	}
	told := l.state.Tell(author)
	if !c.gossip.lacks(author, h.Seq, told.Age, now) {
		return
	}
	r := rankFar
	switch {
	case l.conns[author] != nil || author == l.d.cfg.Identity.Key():
		r = rankHere
	case told.Met:
		r = rankMet
	}
	c.gossip.owed.add(author, r, l.state.Group(author))
}

// pump sends a batch of the heads that a member is owed, if the last one is on
// its way. The rest follows when it is, or when he may be sent more.
func (l *loop) pump(c *conn, now time.Time) {
	o := &c.gossip.owed
	for {
		more := o.len() > 0 && o.rate.TokensAt(now) >= 1
		c.owing.Store(more)
		if !more || len(c.heads) > 0 { // may become empty before owing is set: then this sees it
			return
		}
		var m message.Heads
		for len(m.Heads) < message.MaxHeads/2 && o.len() > 0 && o.rate.TokensAt(now) >= 1 {
			k := o.next()
			h, ok := l.state.Head(k)
			told := l.state.Tell(k)
			if ok && c.gossip.lacks(k, h.Seq, told.Age, now) {
				o.rate.AllowN(now, 1)
				c.gossip.learn(k, h.Seq, told.Age, now)
				m.Heads, m.Told = append(m.Heads, h), append(m.Told, told)
			}
		}
		if len(m.Heads) > 0 {
			c.heads <- c.frame(m) // has room for one, and only the loop sends
		}
	}
}

// spread sends an author's head to all who have not got it.
func (l *loop) spread(author catalog.Key, now time.Time) {
	for _, c := range l.byID {
		l.owe(c, author, now)
		l.pump(c, now)
	}
}

func (l *loop) onHeads(c *conn, m message.Heads, now time.Time) {
	l.trim(c)
	for i, h := range m.Heads {
		told := catalog.Told{}
		if len(m.Told) > 0 {
			told = m.Told[i]
		}
		told.From = c.group()
		c.gossip.learn(h.Key, h.Seq, told.Age, now)
		switch {
		case !l.state.Newer(h.Key, h.Seq):
			l.hearsay(h.Key, h.Seq, told, now)
			l.owe(c, h.Key, now) // if he has its age wrong
		case l.heads.allow(h.Key, now):
			l.take(paced{h, told, c.id}, now)
		default:
			l.heads.hold(paced{h, told, c.id}, c.key == h.Key)
		}
	}
	l.pump(c, now)
}

// trim forgets which heads a member has of authors who are not known here any
// more.
func (l *loop) trim(c *conn) {
	if len(c.gossip.knows) <= l.state.Len()+spareKnows {
		return
	}
	for k := range c.gossip.knows {
		if _, ok := l.state.Head(k); !ok {
			delete(c.gossip.knows, k)
		}
	}
}

// applyPaced takes the heads that came too fast, once their time has come.
func (l *loop) applyPaced(now time.Time) {
	for _, p := range l.heads.due(now) {
		l.take(p, now)
	}
}

// take applies a verified head that a member has sent.
func (l *loop) take(p paced, now time.Time) {
	result, err := l.state.Apply(p.head, p.told, l.d.cfg.Now())
	k := p.head.Key
	switch {
	case err != nil:
		l.d.log.Warn("verified head refused", "member", k.Short(), "err", err)
	case result == catalog.Overtaken:
		l.overtaken(p.head, now)
	case result == catalog.Accepted:
		if c := l.byID[p.from]; c != nil {
			c.active = now
		}
		l.spread(k, now)
		l.wantFor(k, p.from)
	}
}

// idOf returns the number of a member's connection, -1 if he has none.
func (l *loop) idOf(k catalog.Key) int {
	if c := l.conns[k]; c != nil {
		return c.id
	}
	return -1
}

// publish makes p our catalogue and tells everybody.
func (l *loop) publish(p catalog.Publication) error {
	_, fresh, err := l.state.Publish(p, l.d.cfg.Now())
	if err != nil {
		return err
	}
	p.Tree.Objects = nil // they are in the store
	l.ours = &p
	if fresh {
		l.tellView()
		l.spread(l.d.cfg.Identity.Key(), time.Now())
	}
	return nil
}

// publishAgain signs our catalogue anew where its head gets old or was
// overtaken.
func (l *loop) publishAgain() {
	if l.ours == nil {
		return // Share will come
	}
	if err := l.publish(*l.ours); err != nil {
		l.d.log.Warn("catalogue not signed again", "err", err)
	}
}

// passOn tells all members of an address.
func (l *loop) passOn(a message.Address) {
	for _, c := range l.byID {
		if c.key != a.Key && netgroup.MayKnow(c.remote.Addr(), a.Addr.Addr()) {
			c.send(message.Peers{Members: []message.Address{a}})
		}
	}
}

func (l *loop) onPeers(c *conn, m message.Peers) {
	for _, a := range m.Members {
		l.book.Hear(c.remote.Addr(), []netip.AddrPort{a.Addr}, book.PEX)
	}
	l.dialDue()
}
