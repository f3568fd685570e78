package drive

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/netgroup"
)

// Bounds on addresses and dialling.
const (
	maxContacts   = 1000             // addresses known
	firstRedial   = time.Second      // after the first failure; doubles
	lastRedial    = 30 * time.Second // and no longer than this
	shunTime      = 10 * time.Minute // after the protocol was broken, or is another
	forgetUnknown = 8                // failures after which an address is forgotten
	forgetMember  = 120              // the same where a member did answer once: an hour
)

// contact is an address at which a member may listen.
type contact struct {
	addr     netip.AddrPort
	key      catalog.Key // who answered there; zero: nobody yet
	self     bool        // we did
	hearsay  bool        // another member told of it; goes first when room is needed
	counted  bool        // in told: it is known on somebody's word, and nobody answered there yet
	by       netgroup.Teller
	teller   netip.Addr // who told, for that count
	dialling bool
	fails    int       // since a connection lasted
	next     time.Time // not to be dialled before
}

// book is the table of addresses. Pure; owned by the loop.
type book struct {
	contacts map[netip.AddrPort]*contact
	told     netgroup.Told
	dials    *netgroup.Dials // of all who dial from here
}

func newBook() *book {
	return &book{contacts: make(map[netip.AddrPort]*contact), dials: new(netgroup.Dials)}
}

// add notes an address that is not known on somebody's word, or, with hearsay,
// one that members told of. Known ones stay as they are.
func (b *book) add(addr netip.AddrPort, hearsay bool) {
	b.note(contact{addr: addr, hearsay: hearsay, counted: hearsay, by: netgroup.Peer})
}

// hear notes an address on the word of a member at teller, if he may tell of it.
func (b *book) hear(teller netip.Addr, addr netip.AddrPort) {
	if netgroup.MayTell(teller, addr) {
		b.note(contact{addr: addr, hearsay: true, counted: true, by: netgroup.Peer, teller: teller})
	}
}

// find notes an address that a tracker listed, or that announced itself.
func (b *book) find(addr netip.AddrPort) {
	b.note(contact{addr: addr, counted: true, by: netgroup.Tracker})
}

func (b *book) note(c contact) {
	c.addr = netip.AddrPortFrom(c.addr.Addr().Unmap(), c.addr.Port())
	if !dialable(c.addr) || b.contacts[c.addr] != nil {
		return
	}
	if c.counted && !b.roomForWord(&c) {
		return
	}
	if len(b.contacts) >= maxContacts && !b.makeRoom(c.hearsay) {
		b.believe(&c)
		return
	}
	b.contacts[c.addr] = &c
}

// roomForWord counts an address among those that are known on somebody's word.
// Where its host has too many ports already one makes room of which a worse word
// told: its own counts most, a tracker's more than members'.
func (b *book) roomForWord(c *contact) bool {
	ok, crowded := b.told.Add(c.teller, c.addr)
	if ok || !crowded {
		return ok
	}
	own := c.teller == c.addr.Addr()
	for _, o := range b.contacts {
		if o.addr.Addr() != c.addr.Addr() || !o.counted || o.dialling {
			continue
		}
		if own && (o.fails > 0 || o.teller != c.teller) || !c.hearsay && o.hearsay {
			b.forget(o)
			ok, _ = b.told.Add(c.teller, c.addr)
			return ok
		}
	}
	return false
}

// believe takes an address out of what is known on somebody's word.
func (b *book) believe(c *contact) {
	if c.counted {
		b.told.Remove(c.teller, c.addr)
		c.counted = false
	}
}

func (b *book) forget(c *contact) {
	b.believe(c)
	delete(b.contacts, c.addr)
}

// take reports whether an address may be dialled now as far as others are to be
// spared, and counts it.
func (b *book) take(c *contact, now time.Time) bool {
	return !c.counted || b.dials.Met(c.addr, now) || b.dials.Take(c.addr.Addr(), c.by, now)
}

// makeRoom forgets an address where nobody ever answered: the one that failed
// most, hearsay first. What is no hearsay is not forgotten for hearsay, nor
// before it was tried.
func (b *book) makeRoom(hearsay bool) bool {
	var worst *contact
	for _, c := range b.contacts {
		switch {
		case c.key != (catalog.Key{}) || c.self || c.dialling:
		case !c.hearsay && (hearsay || c.fails == 0), c.hearsay && hearsay && c.fails == 0:
		case worst == nil || c.hearsay && !worst.hearsay || c.hearsay == worst.hearsay && c.fails > worst.fails:
			worst = c
		}
	}
	if worst != nil {
		b.forget(worst)
	}
	return worst != nil
}

// due returns up to n addresses to dial now, the longest due first, leaving
// out those of members who are connected.
func (b *book) due(now time.Time, n int, connected func(catalog.Key) bool) []*contact {
	var list []*contact
	for _, c := range b.contacts {
		if c.dialling || c.self || c.next.After(now) || c.key != (catalog.Key{}) && connected(c.key) {
			continue
		}
		if !c.counted || b.dials.Met(c.addr, now) || b.dials.Ready(c.addr.Addr(), c.by, now) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(x, y *contact) int {
		return cmp.Or(x.next.Compare(y.next), x.addr.Compare(y.addr))
	})
	return list[:min(n, len(list))]
}

// answered notes that a member was reached at an address. It reports whether
// that is news.
func (b *book) answered(addr netip.AddrPort, key catalog.Key, now time.Time) bool {
	c := b.contacts[addr]
	if c == nil {
		b.add(addr, false)
		if c = b.contacts[addr]; c == nil {
			return false
		}
	}
	if c.counted && !b.dials.Met(addr, now) {
		b.dials.Reached(addr.Addr())
	}
	b.dials.Meet(addr, now)
	b.believe(c)
	news := c.key != key
	c.key, c.dialling, c.next = key, false, now.Add(firstRedial)
	return news
}

// lasted notes that a connection to an address was of use.
func (b *book) lasted(addr netip.AddrPort, now time.Time) {
	if c := b.contacts[addr]; c != nil {
		c.fails, c.next = 0, now.Add(firstRedial)
	}
}

// isSelf notes that we ourselves listen at an address.
func (b *book) isSelf(addr netip.AddrPort) {
	if c := b.contacts[addr]; c != nil {
		c.self, c.dialling = true, false
	}
}

// failed notes that nobody could be reached at an address, and whether who is
// there does not speak our protocol.
func (b *book) failed(addr netip.AddrPort, shun bool, now time.Time) {
	c := b.contacts[addr]
	if c == nil {
		return
	}
	c.dialling = false
	c.fails++
	wait := min(firstRedial<<min(c.fails-1, 10), lastRedial)
	if shun {
		wait = shunTime
	}
	c.next = now.Add(wait)
	limit := forgetUnknown
	if c.key != (catalog.Key{}) {
		limit = forgetMember
	}
	if c.fails >= limit {
		b.forget(c)
	}
}

// verified returns up to n members that answered at an address, those who still
// do so first.
func (b *book) verified(n int) []address {
	var list []*contact
	for _, c := range b.contacts {
		if c.key != (catalog.Key{}) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(x, y *contact) int {
		return cmp.Or(cmp.Compare(x.fails, y.fails), x.addr.Compare(y.addr))
	})
	out := make([]address, 0, n)
	for _, c := range list[:min(n, len(list))] {
		out = append(out, address{c.key, c.addr})
	}
	return out
}
