// Package gossip decides which members of a drive are told of whose newest
// catalogue, and which heads that they tell of are taken, and when.
//
// It is pure: members are numbers, never used again, and now is a parameter; it
// has no connection, goroutine, lock or clock, and belongs to whoever made it.
// What catalogues say it does not know: it asks for the newest heads (BEP 44
// items) and for the ages of their authors.
//
// Each member first tells which heads he has (message.Summary), and is owed those
// that he lacks from then on: those of who is here first, of all others the address
// groups that brought them by turns, as fast as he reads them at least. An author's
// heads are taken at the rate of the constants here; of what comes faster the
// newest is held. Who sends a head is charged for it: by his address group.
package gossip

import (
	"net/netip"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
)

// Heads are the newest heads that are known. *state.Roster is one.
type Heads interface {
	Head(author catalog.Key) (catalog.Head, bool)
	Newer(author catalog.Key, seq int64) bool
	Versions() []catalog.Version
	Len() int
}

// Ages is what is known of when authors were last connected to anybody, and who
// brought them. *state.Roster is one.
type Ages interface {
	Tell(author catalog.Key) catalog.Told
	Hearsay(author catalog.Key, seq int64, told catalog.Told) (news bool)
	Group(author catalog.Key) netip.Prefix
}

// Gossip is what members have been told and are to be told.
type Gossip struct {
	heads   Heads
	ages    Ages
	self    catalog.Key
	members map[int]*member
	here    map[catalog.Key]int // the members by their keys
	pacer   *pacer
}

// member is what is known of one who is connected.
type member struct {
	key   catalog.Key
	group netip.Prefix
	knows knows
	ready bool // his summary is complete
	owed  owed
}

// New makes the Gossip of a member of that key.
func New(heads Heads, ages Ages, self catalog.Key) *Gossip {
	return &Gossip{
		heads: heads, ages: ages, self: self, pacer: newPacer(),
		members: make(map[int]*member), here: make(map[catalog.Key]int),
	}
}

// Join adds a member, and returns what he is to be told first.
func (g *Gossip) Join(id int, key catalog.Key, group netip.Prefix) []message.Summary {
	g.members[id] = &member{key: key, group: group, knows: make(knows), owed: newOwed()}
	g.here[key] = id
	var list []message.Summary
	versions := g.heads.Versions()
	for len(versions) > message.MaxVersions {
		list = append(list, message.Summary{Versions: versions[:message.MaxVersions], More: true})
		versions = versions[message.MaxVersions:]
	}
	return append(list, message.Summary{Versions: versions})
}

// Leave removes a member.
func (g *Gossip) Leave(id int) {
	if m := g.members[id]; m != nil {
		delete(g.members, id)
		if g.here[m.key] == id {
			delete(g.here, m.key)
		}
	}
}

// Summary takes in which heads a member has.
func (g *Gossip) Summary(id int, s message.Summary, now time.Time) {
	m := g.members[id]
	if m == nil {
		return
	}
	for _, v := range s.Versions {
		if _, ok := g.heads.Head(v.Key); ok { // of others he will send the heads
			m.knows.learn(v.Key, v.Seq, v.Age, now)
			g.hearsay(v.Key, v.Seq, catalog.Told{Age: v.Age}, now)
		}
	}
	if s.More || m.ready {
		return
	}
	m.ready = true
	for _, v := range g.heads.Versions() {
		g.owe(m, v.Key, now)
	}
}

// Heard takes in a verified head that a member has sent, and what he tells of its
// author. ok: it is newer than what is known, and to be applied now.
func (g *Gossip) Heard(id int, h catalog.Head, told catalog.Told, now time.Time) (p Paced, ok bool) {
	m := g.members[id]
	if m == nil {
		return p, false
	}
	g.trim(m)
	told.From = m.group
	p = Paced{h, told, id}
	m.knows.learn(h.Key, h.Seq, told.Age, now)
	switch {
	case !g.heads.Newer(h.Key, h.Seq):
		g.hearsay(h.Key, h.Seq, told, now)
		g.owe(m, h.Key, now) // if he has its age wrong
	case g.pacer.allow(h.Key, now):
		return p, true
	default:
		g.pacer.hold(p, m.key == h.Key)
	}
	return p, false
}

// Due returns the heads that came too fast and whose time has come, to be applied
// now.
func (g *Gossip) Due(now time.Time) []Paced { return g.pacer.due(now) }

// Spread owes an author's head to all who have not got it.
func (g *Gossip) Spread(author catalog.Key, now time.Time) {
	for _, m := range g.members {
		g.owe(m, author, now)
	}
}

// Owes reports whether a member is to be sent heads now.
func (g *Gossip) Owes(id int, now time.Time) bool {
	m := g.members[id]
	return m != nil && m.owed.ready(now)
}

// Next takes out what a member is to be sent now: a message half full at most, so
// that others pass. None: he has it all by now.
func (g *Gossip) Next(id int, now time.Time) (list message.Heads) {
	m := g.members[id]
	if m == nil {
		return list
	}
	for len(list.Heads) < message.MaxHeads/2 && m.owed.ready(now) {
		k := m.owed.next()
		h, ok := g.heads.Head(k)
		told := g.ages.Tell(k)
		if ok && m.knows.lacks(k, h.Seq, told.Age, now) {
			m.owed.rate.AllowN(now, 1)
			m.knows.learn(k, h.Seq, told.Age, now)
			list.Heads, list.Told = append(list.Heads, h), append(list.Told, told)
		}
	}
	return list
}

// hearsay notes what somebody tells of an author whose newest head is known, and
// passes it on where that is news.
func (g *Gossip) hearsay(k catalog.Key, seq int64, told catalog.Told, now time.Time) {
	if g.ages.Hearsay(k, seq, told) {
		g.Spread(k, now)
	}
}

// owe notes that a member is to be sent an author's head, if he has not got it
// or has got its author's age wrong.
func (g *Gossip) owe(m *member, author catalog.Key, now time.Time) {
	h, ok := g.heads.Head(author)
	if !ok || !m.ready {
		return
	}
	told := g.ages.Tell(author)
	if !m.knows.lacks(author, h.Seq, told.Age, now) {
		return
	}
	r := rankFar
	if _, here := g.here[author]; here || author == g.self {
		r = rankHere
	} else if told.Met {
		r = rankMet
	}
	m.owed.add(author, r, g.ages.Group(author))
}

// trim forgets which heads a member has of authors who are not known here any
// more.
func (g *Gossip) trim(m *member) {
	if len(m.knows) <= g.heads.Len()+spareKnows {
		return
	}
	for k := range m.knows {
		if _, ok := g.heads.Head(k); !ok {
			delete(m.knows, k)
		}
	}
}
