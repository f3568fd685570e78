package book

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Wish is whom a swarm wants to dial now.
type Wish struct {
	// Offering leaves out those that wanted nothing of late: we have everything.
	Offering bool
	// Connected reports whether an owner is connected: his addresses are left
	// out. Nil: owners do not matter.
	Connected func(Owner) bool
}

// A Due is an address that may be dialled.
type Due struct {
	Addr netip.AddrPort
	// Probe: who is connected says that he listens there. A dial is to find out
	// whether it is he, no more.
	Probe bool
}

// Due returns the addresses to dial now, at most n of them: the user's first,
// then those that failed least, of these the best origin, of these the highest
// priority. Take must be asked before each dial.
func (b *Book) Due(now time.Time, n int, wish Wish) []Due {
	var list []*entry
	for _, e := range b.table.known {
		switch {
		case e.inUse() || now.Before(e.next) || b.Bans.Banned(e.addr, now) || !b.spare.ready(e, now):
		case wish.Offering && (e.sated || e.failures >= maxOffers):
		case wish.Connected != nil && e.owner != Owner{} && wish.Connected(e.owner):
		default:
			e.rank = b.Ours.Rank(e.addr)
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(x, y *entry) int {
		switch {
		case x.from == User && y.from != User:
			return -1
		case x.from != User && y.from == User:
			return 1
		}
		return cmp.Or(cmp.Compare(x.failures, y.failures), cmp.Compare(y.from, x.from), cmp.Compare(x.turn, y.turn), cmp.Compare(y.rank, x.rank), x.addr.Compare(y.addr))
	})
	out := make([]Due, 0, min(len(list), n))
	for _, e := range list[:min(len(list), n)] {
		out = append(out, Due{e.addr, e.claimed})
	}
	return out
}

// Take reports whether an address may still be dialled, as another port of its
// host may be dialled now; then the dial is under way, until Arrived, Ended or Self
// tells how it went.
func (b *Book) Take(a netip.AddrPort, now time.Time) bool {
	e := b.table.known[a]
	if e == nil || !b.spare.take(e, now) {
		return false
	}
	e.dialling = true
	b.dialling++
	return true
}

// over notes that a dial is not under way any more.
func (b *Book) over(e *entry) {
	if e.dialling {
		e.dialling = false
		b.dialling--
	}
}

// Arrived notes that a dial ended at a peer, who may have proven to be an owner.
// It reports whether that is news: nobody, or another, was known to be there.
func (b *Book) Arrived(a netip.AddrPort, owner Owner, now time.Time) (news bool) {
	e := b.table.known[a]
	if e == nil {
		return false
	}
	b.spare.arrived(e, now)
	b.table.believe(e)
	b.over(e)
	news = e.reached.IsZero() || e.owner != owner
	e.reached, e.owner, e.claimed, e.next = now, owner, false, now.Add(firstBackoff)
	return news
}

// Joined notes that a connection to an address stays: it is not dialled while that
// is so, and is when it has left.
func (b *Book) Joined(a netip.AddrPort) {
	if e := b.table.known[a]; e != nil {
		e.joined = true
	}
}

// Listens notes that a peer who is connected says that he listens at an address of
// his own: where he may say so, it is known from now on. It is taken for joined;
// but where he has proven to be an owner, and another may listen there, it is
// dialled to find out.
func (b *Book) Listens(a netip.AddrPort, owner Owner) {
	b.Hear(a.Addr(), []netip.AddrPort{a}, PEX)
	if e := b.table.known[a]; e != nil {
		e.joined = e.joined || owner == Owner{}
		e.claimed = e.owner != owner
	}
}

// An End is how a dial, or a connection with who listens at an address, ended.
type End int

// Unreached is a dial that came to nothing; Unwelcome one whose connection was not
// kept; Broken a dial or connection whose other end broke the protocol, or speaks
// another; Anew a connection that was closed to be made again at once; Useful and
// Useless any other.
const (
	Unreached End = iota
	Unwelcome
	Broken
	Anew
	Useful
	Useless
)

// Ended notes how a dial or connection ended, and puts the next dial off: twice as
// long each time, from the start after a connection of use.
func (b *Book) Ended(a netip.AddrPort, how End, now time.Time) {
	e := b.table.known[a]
	if e == nil {
		return
	}
	if how != Unreached {
		e.joined, e.claimed = false, false
	}
	switch how {
	case Unwelcome:
		e.next = now.Add(lastBackoff)
		return
	case Anew:
		e.failures, e.next = 0, time.Time{}
		return
	case Useful:
		e.failures = 0
	}
	b.over(e)
	e.putOff(now)
	if how == Broken {
		e.next = now.Add(shunTime)
	}
	limit := b.failures[e.from]
	if e.owner != (Owner{}) {
		limit = ownerFailures
	}
	if limit > 0 && e.failures >= limit {
		b.table.forget(e)
	}
}

// putOff puts the next dial off, and counts a failure.
func (e *entry) putOff(now time.Time) {
	e.next = now.Add(min(firstBackoff<<min(e.failures, 10), lastBackoff))
	e.failures++
}

// Sated notes whether a peer that left had everything.
func (b *Book) Sated(a netip.AddrPort, sated bool) {
	if e := b.table.known[a]; e != nil {
		e.sated = sated
	}
}

// Self notes that an address is our own: it is not known from now on.
func (b *Book) Self(a netip.AddrPort) {
	if e := b.table.known[a]; e != nil {
		b.over(e)
		b.table.forget(e)
	}
	b.self[a] = true
}
