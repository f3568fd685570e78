// Package book keeps the addresses at which the peers of one swarm can be
// dialled, and says which to dial next: of a torrent and of a drive alike.
//
// It is pure: it opens no connection, has no goroutine, lock or clock, and
// belongs to whoever made it. (The netgroup.Dials that it asks is shared by all
// swarms of a process, and has its own lock.) It does not know what a peer has
// or wants, nor who may stay connected.
//
// Here, and only here, stands what an address is known on (Origin), and so how
// many may be known on whose word (netgroup.Told), which may be told of by whom
// (netgroup.MayTell) and how often one may be dialled that nobody of ours has
// reached (netgroup.Dials). An address that failed is put off, twice as long each
// time. The order of dials is that of BEP 40 among those that are equal otherwise;
// a private torrent's book takes nobody whom only peers told of (BEP 27).
package book

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/netgroup"
)

const (
	// firstBackoff and lastBackoff bound the wait before a peer that could
	// not be reached, or left, is dialled again.
	firstBackoff = time.Second
	lastBackoff  = 30 * time.Second
	// shunTime is that wait where who is there broke the protocol, or speaks
	// another.
	shunTime = 10 * time.Minute
	// maxOffers is how often in a row a peer takes nothing that was dialled to
	// offer it something, until somebody tells of it again.
	maxOffers = 6
	// ownerFailures forgets an address where an Owner answered: an hour of dials.
	ownerFailures = 120
)

// Config is what a Book needs.
type Config struct {
	// Max bounds the addresses.
	Max int
	// Failures in a row forget an address of an origin where nobody proved who
	// he is; 0: it is never forgotten for that.
	Failures [User + 1]int
	// Dials bounds the dials on the word of others, of all swarms; nil: nothing
	// does.
	Dials *netgroup.Dials
}

// A Book is the peers known of one swarm.
type Book struct {
	Bans Bans
	Ours Ours

	failures [User + 1]int
	spare    spare
	table    table
	self     map[netip.AddrPort]bool
	private  bool
	dialling int
}

// New makes an empty Book.
func New(cfg Config) *Book {
	return &Book{
		failures: cfg.Failures, spare: spare{cfg.Dials}, self: map[netip.AddrPort]bool{},
		table: table{known: map[netip.AddrPort]*entry{}, max: cfg.Max},
	}
}

// Add takes in addresses, and counts the new ones. Whoever told of them was asked
// whether he may.
func (b *Book) Add(addrs []netip.AddrPort, from Origin) (fresh int) {
	return b.add(netip.Addr{}, addrs, from)
}

// Hear is Add, on the word of a teller at an address: those are left out that he
// may not tell of, and he tells of no more than any one may.
func (b *Book) Hear(teller netip.Addr, addrs []netip.AddrPort, from Origin) (fresh int) {
	may := make([]netip.AddrPort, 0, len(addrs))
	for _, a := range addrs {
		if netgroup.MayTell(teller, a) {
			may = append(may, a)
		}
	}
	return b.add(teller, may, from)
}

func (b *Book) add(teller netip.Addr, addrs []netip.AddrPort, from Origin) (fresh int) {
	for i, a := range addrs {
		a = unmapped(a)
		e := b.table.known[a]
		if e != nil {
			b.table.heardAgain(e, from)
		} else if e = b.insert(teller, a, from); e != nil {
			fresh++
		}
		if e != nil && from == Member {
			e.turn = i
		}
	}
	return fresh
}

// insert takes in an address that is not known; nil if it cannot be dialled or
// there is no room for it.
func (b *Book) insert(teller netip.Addr, a netip.AddrPort, from Origin) *entry {
	if b.private && from.Public() || !netgroup.Dialable(a) || b.self[a] {
		return nil
	}
	return b.table.insert(teller, a, from)
}

// Private leaves out whoever a private torrent may not know, from now on (BEP 27).
func (b *Book) Private() {
	b.private = true
	for _, e := range b.table.known {
		if e.from.Public() && !e.dialling {
			b.table.forget(e)
		}
	}
}

// Withdrawn reports whether an address is one that Private will leave out.
func (b *Book) Withdrawn(a netip.AddrPort) bool {
	e := b.table.known[a]
	return e != nil && e.from.Public()
}

// Of are the addresses where an owner answered last.
func (b *Book) Of(owner Owner) (out []netip.AddrPort) {
	for _, e := range b.table.known {
		if e.owner == owner {
			out = append(out, e.addr)
		}
	}
	return out
}

// IsSelf reports whether an address turned out to be our own.
func (b *Book) IsSelf(a netip.AddrPort) bool { return b.self[a] }

// Len is how many addresses are known.
func (b *Book) Len() int { return len(b.table.known) }

// Dialling is how many dials are under way.
func (b *Book) Dialling() int { return b.dialling }

// A Peer is an address of a Book.
type Peer struct {
	Addr  netip.AddrPort
	Owner Owner
}

// Reached lists up to n peers that a dial ended at: those first that are
// connected, then those reached last. Left out is who was proven bad, and who
// could not be reached again; but not an Owner, who may come back.
func (b *Book) Reached(n int) []Peer {
	var list []*entry
	for _, e := range b.table.known {
		if !e.reached.IsZero() && (e.joined || e.failures <= 1 || e.owner != Owner{}) && !b.Bans.Ever(e.addr) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(x, y *entry) int {
		if x.joined != y.joined {
			if x.joined {
				return -1
			}
			return 1
		}
		return cmp.Or(y.reached.Compare(x.reached), x.addr.Compare(y.addr))
	})
	out := make([]Peer, 0, n)
	for _, e := range list[:min(len(list), n)] {
		out = append(out, Peer{e.addr, e.owner})
	}
	return out
}
