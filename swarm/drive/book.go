package drive

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/catalog"
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
	dialling bool
	fails    int       // since a connection lasted
	next     time.Time // not to be dialled before
}

// book is the table of addresses. Pure; owned by the loop.
type book struct {
	contacts map[netip.AddrPort]*contact
}

func newBook() *book { return &book{make(map[netip.AddrPort]*contact)} }

// add notes an address. Known ones stay as they are.
func (b *book) add(addr netip.AddrPort, hearsay bool) {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	if !dialable(addr) || b.contacts[addr] != nil {
		return
	}
	if len(b.contacts) >= maxContacts && !b.makeRoom(hearsay) {
		return
	}
	b.contacts[addr] = &contact{addr: addr, hearsay: hearsay}
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
		delete(b.contacts, worst.addr)
	}
	return worst != nil
}

// due returns up to n addresses to dial now, the longest due first, leaving
// out those of members who are connected.
func (b *book) due(now time.Time, n int, connected func(catalog.Key) bool) []*contact {
	var list []*contact
	for _, c := range b.contacts {
		if !c.dialling && !c.self && !c.next.After(now) && (c.key == (catalog.Key{}) || !connected(c.key)) {
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
		delete(b.contacts, addr)
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
