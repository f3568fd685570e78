package drive

import (
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/state"
	"p2pfs/swarm/drive/gossip"
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
	if l.conns.byID[e.c.id] != e.c {
		return // closed meanwhile
	}
	now := time.Now()
	switch m := e.m.(type) {
	case message.Summary:
		l.gossip.Summary(e.c.id, m, now)
	case message.Heads:
		l.onHeads(e.c, m, now)
	case message.Object:
		l.onObject(e.c, e.hash, m.Data, now)
	case message.None:
		l.onNone(e.c, m, now)
	case message.Holds:
		l.onHolds(e.c, m, now)
	}
}

func (e received) dropped(l *loop, err error) { l.remove(e.c, err) }

// drained tells that a connection's writer has nothing more to do.
type drained struct{ c *conn }

func (e drained) apply(*loop) {} // what may be sent now is, as after any event

func (e drained) dropped(l *loop, err error) { l.remove(e.c, err) }

// greetMember tells a new member what is here.
func (l *loop) greetMember(c *conn) {
	for _, m := range l.gossip.Join(c.id, c.Key, c.group()) {
		c.Say(m)
	}
	var list []message.Address
	for _, p := range l.d.swarm.Reached(message.MaxAddresses) {
		if a := (message.Address{Key: catalog.Key(p.Owner), Addr: p.Addr}); a.Key != c.Key && netgroup.MayKnow(c.net.Remote.Addr(), a.Addr.Addr()) {
			list = append(list, a)
		}
	}
	if len(list) > 0 {
		c.Say(message.Peers{Members: list})
	}
}

// owes has the loop told when the member can be sent more heads, if there are more.
func (c *conn) owes(more bool) {
	if !more {
		c.net.Owe(nil)
		return
	}
	c.net.Owe(func() { c.d.post(c.d.ctx, drained{c}) })
}

// pump sends a batch of the heads that a member is owed, if the last one is on
// its way. The rest follows when it is, or when he may be sent more.
func (l *loop) pump(c *conn, now time.Time) {
	for {
		more := l.gossip.Owes(c.id, now)
		c.owes(more)
		if !more || c.net.Offered() { // may be taken before owing is set: then this sees it
			return
		}
		if m := l.gossip.Next(c.id, now); len(m.Heads) > 0 {
			c.net.Offer(m.Encode()) // only the loop offers
		}
	}
}

func (l *loop) onHeads(c *conn, m message.Heads, now time.Time) {
	for i, h := range m.Heads {
		var told catalog.Told
		if len(m.Told) > 0 {
			told = m.Told[i]
		}
		if p, ok := l.gossip.Heard(c.id, h, told, now); ok {
			l.take(p, now)
		}
	}
}

// take applies a verified head that a member has sent.
func (l *loop) take(p gossip.Paced, now time.Time) {
	result, err := l.state.Apply(p.Head, p.Told, l.d.cfg.Now())
	k := p.Head.Key
	switch {
	case err != nil:
		l.d.log.Warn("verified head refused", "member", k.Short(), "err", err)
	case result == state.Overtaken:
		l.copies.overtook(p.Head, now)
		l.publishAgain() // with a newer head
	case result == state.Accepted:
		if c := l.conns.byID[p.From]; c != nil {
			c.net.Useful(0, now)
		}
		l.gossip.Spread(k, now)
		l.objects.Complete(k, p.From)
	}
}

// publish makes p our catalogue and tells everybody.
func (l *loop) publish(p state.Publication) error {
	_, fresh, err := l.state.Publish(p, l.d.cfg.Now())
	if err != nil {
		return err
	}
	p.Tree.Objects = nil // they are in the store
	l.ours = &p
	if fresh {
		l.views.update(l.state.View())
		l.gossip.Spread(l.d.cfg.Identity.Key(), time.Now())
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
