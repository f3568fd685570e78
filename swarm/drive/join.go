package drive

import (
	"bytes"
	"maps"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/book"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/netgroup"
)

// Bounds on dialling.
const (
	maxContacts   = 1000             // addresses known
	forgetUnknown = 8                // dials in vain after which one is forgotten where nobody answered
	maxDialling   = 8                // attempts at once
	dialsPerS     = 20               // attempts begun
	sameTime      = 10 * time.Second // connections made within it may be two sides dialling at once
	minStay       = 10 * time.Second // before a connection makes room for another
)

// newBook makes the book of a drive.
func newBook(dials *netgroup.Dials) *book.Book {
	if dials == nil {
		dials = new(netgroup.Dials)
	}
	return book.New(book.Config{
		Max: maxContacts, Dials: dials,
		Failures: [book.User + 1]int{book.PEX: forgetUnknown, book.LSD: forgetUnknown, book.Tracker: forgetUnknown, book.Before: forgetUnknown},
	})
}

// member is what the loop knows of a connection.
type member struct {
	id      int // never used again
	since   time.Time
	active  time.Time // last time that it was of use
	unasked int       // bytes that nobody asked for
	served  int64     // bytes that we asked for and got
	met     bool      // was connected once before this time
}

// joined tells of a connection whose handshake is over.
type joined struct {
	c       *conn
	verdict chan<- error
}

func (e joined) apply(l *loop) {
	if e.c.dialled.IsValid() {
		l.dialling--
	}
	now := time.Now()
	err := l.admit(e.c, now)
	if err == nil {
		l.register(e.c, now)
	}
	e.verdict <- err
	if e.c.dialled.IsValid() {
		l.reached(e.c.dialled, e.c.key, now)
	} else if err == nil && e.c.listen.IsValid() {
		l.book.Listens(e.c.listen, book.Owner(e.c.key))
	}
	l.dialDue()
}

func (e joined) dropped(l *loop, err error) {
	offer(e.verdict, err)
	l.expel(e.c, err)
}

// expel closes a connection over which an event of the loop panicked, and
// forgets it without asking more of what may be half done.
func (l *loop) expel(c *conn, err error) {
	c.close(err)
	if l.byID[c.id] == c {
		delete(l.byID, c.id)
		if l.conns[c.key] == c {
			delete(l.conns, c.key)
		}
		l.filter.stale = true
		l.fetch.Leave(c.id)
		l.who.Leave(c.id)
		l.gossip.Leave(c.id)
		l.state.Gone(c.key, l.d.cfg.Now())
	}
}

// admit says whether a connection is to be kept, and makes room for it.
func (l *loop) admit(c *conn, now time.Time) error {
	if !c.dialled.IsValid() && !l.trusts(c.key) && !l.door.lets(netgroup.Of(c.remote.Addr()), c.key, l.state.WasMet(c.key), now) {
		return ErrOften
	}
	if old := l.conns[c.key]; old != nil {
		if !l.replaces(c, old, now) {
			return ErrDuplicate
		}
		l.remove(old, ErrDuplicate, now)
		return nil
	}
	list := make([]place, 0, len(l.byID))
	for _, c := range l.byID {
		list = append(list, c.place(l.trusts))
	}
	victim, err := places{l.d.cfg.MaxConns}.admit(list, c.place(l.trusts), now)
	if err == nil && victim >= 0 {
		l.remove(l.byID[victim], ErrIdle, now)
	}
	return err
}

// replaces says which of two connections between the same members stays. Where
// both sides have dialled at once it is the one that the smaller key dialled:
// both come to the same result. Otherwise it is the newer one: whoever dialled
// it has lost the other.
func (l *loop) replaces(c, old *conn, now time.Time) bool {
	if c.dialled.IsValid() == old.dialled.IsValid() || now.Sub(old.since) > sameTime {
		return true
	}
	self := l.d.cfg.Identity.Key()
	weAreSmaller := bytes.Compare(self[:], c.key[:]) < 0
	return c.dialled.IsValid() == weAreSmaller
}

func (l *loop) trusts(k catalog.Key) bool {
	for _, t := range l.d.cfg.Trusted {
		if t == k {
			return true
		}
	}
	return false
}

func (l *loop) register(c *conn, now time.Time) {
	c.member = member{id: l.nextID, since: now, active: now, met: l.state.WasMet(c.key)}
	l.nextID++
	l.conns[c.key], l.byID[c.id] = c, c
	l.filter.stale = true
	l.state.Met(c.key, c.group(), l.d.cfg.Now())
	l.fetch.Join(c.id)
	l.greetMember(c)
	l.outdated.updated(c.remote.Addr())
	l.tellClock(c)
	l.d.log.Debug("member connected", "member", c.key.Short(), "peer", c.remote)
}

// remove closes a connection and forgets it.
func (l *loop) remove(c *conn, err error, now time.Time) {
	c.close(err)
	if l.byID[c.id] != c {
		return // already
	}
	delete(l.byID, c.id)
	delete(l.conns, c.key)
	l.filter.stale = true
	l.fetch.Leave(c.id)
	l.who.Leave(c.id)
	l.gossip.Leave(c.id)
	l.state.Gone(c.key, l.d.cfg.Now())
}

// left tells that the reader of a connection has ended.
type left struct{ c *conn }

func (e left) apply(l *loop) {
	now := time.Now()
	c := e.c
	if l.byID[c.id] != c {
		return
	}
	<-c.done
	l.remove(c, c.err, now)
	end := book.Useful
	switch {
	case broke(c.err):
		end = book.Broken
	case now.Sub(c.since) < sameTime:
		end = book.Useless
	}
	listening := func(o *conn) bool { return o.listen == c.listen }
	if !slices.ContainsFunc(slices.Collect(maps.Values(l.byID)), listening) { // else another says that he listens there
		l.book.Ended(c.listen, end, now)
	}
	l.dialDue()
}

func (e left) dropped(l *loop, err error) { l.expel(e.c, err) }

// dialFailed tells that a dialled address gave no connection.
type dialFailed struct {
	addr netip.AddrPort
	err  error
}

func (e dialFailed) apply(l *loop) {
	l.dialling--
	l.refused(e.addr, e.err, time.Now())
	switch {
	case e.err == ErrSelf:
		l.book.Self(e.addr)
	case broke(e.err):
		l.book.Ended(e.addr, book.Broken, time.Now())
	default:
		l.book.Ended(e.addr, book.Unreached, time.Now())
	}
	l.dialDue()
}

// probed tells who listens at an address.
type probed struct {
	addr netip.AddrPort
	key  catalog.Key
}

func (e probed) apply(l *loop) {
	l.dialling--
	l.reached(e.addr, e.key, time.Now())
	l.dialDue()
}

// reached notes that a member was reached at an address, and tells others.
func (l *loop) reached(addr netip.AddrPort, key catalog.Key, now time.Time) {
	if !l.book.Arrived(addr, book.Owner(key), now) {
		return
	}
	if f := l.d.cfg.OnAddress; f != nil {
		select {
		case l.d.notices <- func() { f(key, addr) }:
		default: // it will be reached again
		}
	}
	l.passOn(message.Address{Key: key, Addr: addr})
}

// dialDue dials the addresses whose time has come. Addresses where a connected
// member says he listens are only probed.
func (l *loop) dialDue() {
	if l.d.cfg.Dialer == nil {
		return
	}
	now := time.Now()
	if l.dialling >= maxDialling || l.dials.TokensAt(now) < 1 {
		return
	}
	rule := places{l.d.cfg.MaxConns}
	groups, dialled := l.dialledGroups()
	room := rule.toDial(dialled, len(l.conns))
	connected := func(o book.Owner) bool { return l.conns[catalog.Key(o)] != nil }
	for _, due := range l.book.Due(now, maxContacts, book.Wish{Connected: connected}) {
		if l.dialling >= maxDialling {
			return
		}
		addr, probe, group := due.Addr, due.Probe, netgroup.Of(due.Addr.Addr())
		if !probe && (l.dialling >= room || groups[group] >= rule.perGroup()) {
			continue
		}
		if !l.dials.AllowN(now, 1) {
			return
		}
		if !l.book.Take(addr, now) {
			continue // another port of it is being dialled
		}
		if !l.d.start(func() { l.d.dial(addr, probe) }) {
			return
		}
		l.dialling++
		if !probe {
			groups[group]++
		}
	}
}
