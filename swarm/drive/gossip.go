package drive

import (
	"time"

	"p2pfs/swarm/catalog"
)

// spareKnows is by how many authors more than are known here a member may have
// told of before those are forgotten.
const spareKnows = 10_000

// gossip is what the loop knows of which heads a member has.
type gossip struct {
	knows map[catalog.Key]int64 // highest seq that he has told or was told, of authors known here
	ready bool                  // his summary is complete
	owed  []catalog.Key         // authors whose heads are to be sent
}

func newGossip() gossip {
	return gossip{knows: make(map[catalog.Key]int64)}
}

// received is a message that is for the loop.
type received struct {
	c    *conn
	m    message
	hash catalog.Hash // of an object
}

func (e received) apply(l *loop) {
	if l.byID[e.c.id] != e.c {
		return // closed meanwhile
	}
	now := time.Now()
	switch m := e.m.(type) {
	case summary:
		l.onSummary(e.c, m)
	case heads:
		l.onHeads(e.c, m, now)
	case object:
		l.onObject(e.c, e.hash, m.data, now)
	case none:
		l.onNone(e.c, m, now)
	case holds:
		l.onHolds(e.c, m, now)
	case peers:
		l.onPeers(e.c, m)
	}
}

func (e received) dropped(l *loop, err error) { l.expel(e.c, err) }

// drained tells that a connection's writer has nothing more to do.
type drained struct{ c *conn }

func (e drained) apply(l *loop) {
	if l.byID[e.c.id] == e.c {
		l.pump(e.c)
	}
}

func (e drained) dropped(l *loop, err error) { l.expel(e.c, err) }

// greetMember tells a new member what is here.
func (l *loop) greetMember(c *conn) {
	versions := l.state.Versions()
	for len(versions) > maxVersions {
		c.send(summary{versions[:maxVersions], true})
		versions = versions[maxVersions:]
	}
	c.send(summary{versions, false})
	var list []address
	for _, a := range l.book.verified(maxAddresses) {
		if a.key != c.key {
			list = append(list, a)
		}
	}
	if len(list) > 0 {
		c.send(peers{list})
	}
}

func (l *loop) onSummary(c *conn, m summary) {
	for _, v := range m.versions {
		if _, ok := l.state.Head(v.Key); ok { // of others he will send the heads
			c.gossip.knows[v.Key] = max(v.Seq, c.gossip.knows[v.Key])
		}
	}
	if m.more || c.gossip.ready {
		return
	}
	c.gossip.ready = true
	for _, v := range l.state.Versions() {
		l.owe(c, v.Key)
	}
	l.pump(c)
}

// owe notes that a member is to be sent an author's head, if he has not got it.
func (l *loop) owe(c *conn, author catalog.Key) {
	if h, ok := l.state.Head(author); ok && c.gossip.ready && c.gossip.knows[author] < h.Seq {
		c.gossip.owed = append(c.gossip.owed, author)
	}
}

// pump sends a batch of the heads that a member is owed, if his queue is
// empty. The rest follows when he has taken it.
func (l *loop) pump(c *conn) {
	for len(c.gossip.owed) > 0 && len(c.control) == 0 {
		var batch []catalog.Head
		for len(batch) < maxHeads/2 && len(c.gossip.owed) > 0 {
			k := c.gossip.owed[0]
			c.gossip.owed = c.gossip.owed[1:]
			if h, ok := l.state.Head(k); ok && c.gossip.knows[k] < h.Seq {
				c.gossip.knows[k] = h.Seq
				batch = append(batch, h)
			}
		}
		if len(batch) > 0 {
			c.send(heads{batch})
		}
	}
	c.owing.Store(len(c.gossip.owed) > 0)
	if len(c.gossip.owed) > 0 && len(c.control) == 0 { // it became empty before owing was set
		l.pump(c)
	}
}

// spread sends an author's head to all who have not got it.
func (l *loop) spread(author catalog.Key) {
	for _, c := range l.byID {
		l.owe(c, author)
		l.pump(c)
	}
}

func (l *loop) onHeads(c *conn, m heads, now time.Time) {
	l.trim(c)
	for _, h := range m.heads {
		c.gossip.knows[h.Key] = max(h.Seq, c.gossip.knows[h.Key])
		if !l.state.Newer(h.Key, h.Seq) {
			continue
		}
		c.active = now
		if l.heads.allow(h.Key, now) {
			l.take(h, c.id, now)
		} else {
			l.heads.hold(h, c.id)
		}
	}
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
		l.take(p.head, p.from, now)
	}
}

// take applies a verified head that a member has sent.
func (l *loop) take(h catalog.Head, from int, now time.Time) {
	result, err := l.state.Apply(h, now)
	switch {
	case err != nil:
		l.d.log.Warn("verified head refused", "member", h.Key.Short(), "err", err)
	case result == catalog.Overtaken:
		l.publishAgain()
	case result == catalog.Accepted:
		l.spread(h.Key)
		l.wantAll(l.state.Missing(h.Key), l.idOf(h.Key), from)
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
	_, fresh, err := l.state.Publish(p, time.Now())
	if err != nil {
		return err
	}
	p.Objects = nil // they are in the store
	l.ours = &p
	if fresh {
		l.tellView()
		l.spread(l.d.cfg.Identity.Key())
	}
	return nil
}

// publishAgain signs our catalogue anew where its head gets old or was
// overtaken.
func (l *loop) publishAgain() {
	if l.ours == nil {
		return // SetShared will come
	}
	if err := l.publish(*l.ours); err != nil {
		l.d.log.Warn("catalogue not signed again", "err", err)
	}
}

// passOn tells all members of an address.
func (l *loop) passOn(a address) {
	for _, c := range l.byID {
		if c.key != a.key {
			c.send(peers{[]address{a}})
		}
	}
}

func (l *loop) onPeers(c *conn, m peers) {
	for _, a := range m.members {
		if c.plausible(a.addr) {
			l.book.add(a.addr, true)
		}
	}
	l.dialDue()
}
