package swarm

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// isSated notes whether a peer that left had everything.
func (b *addressBook) isSated(a netip.AddrPort, sated bool) {
	if k := b.known[a]; k != nil {
		k.sated = sated
	}
}

// due returns the addresses to dial now, at most n of them: the caller's first,
// then those that failed least, of these the best origin, of these the highest
// priority. When offering they are only those that may want something.
func (b *addressBook) due(now time.Time, n int, offering bool) (out []netip.AddrPort) {
	for a, k := range b.known {
		if offering && (k.sated || k.failures >= maxOffers) {
			continue
		}
		if !k.joined && !k.dialing && !now.Before(k.next) && !b.isBanned(a, now) && b.ready(a, k, now) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(x, y netip.AddrPort) int {
		p, q := b.known[x], b.known[y]
		switch {
		case p.from == fromCaller && q.from != fromCaller:
			return -1
		case p.from != fromCaller && q.from == fromCaller:
			return 1
		}
		return cmp.Or(cmp.Compare(p.failures, q.failures), cmp.Compare(q.from, p.from), cmp.Compare(p.turn, q.turn), cmp.Compare(q.rank, p.rank), x.Compare(y))
	})
	return out[:min(len(out), n)]
}

func (b *addressBook) connected(a netip.AddrPort, now time.Time) {
	if k := b.known[a]; k != nil {
		k.joined, k.dialing, k.reached = true, false, now
		b.proven(a, k, now)
		b.dialing--
	}
}

// isConnected notes that a peer which connected to us says it can be found
// there, so that it is not dialled while it is here, and is when it has left.
func (b *addressBook) isConnected(a netip.AddrPort) {
	k := b.known[a]
	if k == nil {
		k = b.insert(a.Addr(), a, fromPEX)
	}
	if k != nil {
		k.joined = true
	}
}

// unwelcome notes a connection we dialled and did not keep.
func (b *addressBook) unwelcome(a netip.AddrPort, now time.Time) {
	if k := b.known[a]; k != nil {
		k.joined, k.next = false, now.Add(lastBackoff)
	}
}

// failed puts the next dial off, twice as long each time. What peers and
// announces on the network told is forgotten when it goes on.
func (b *addressBook) failed(a netip.AddrPort, now time.Time) {
	if k := b.known[a]; k != nil {
		if k.dialing {
			k.dialing = false
			b.dialing--
		}
		k.next = now.Add(min(firstBackoff<<min(k.failures, 10), lastBackoff))
		if k.failures++; k.failures >= maxFailures && k.from.public() {
			b.forget(a)
		}
	}
}

// ended notes the end of a connection we dialled. One that was of use is
// dialled again soon.
func (b *addressBook) ended(a netip.AddrPort, now time.Time, useful bool) {
	k := b.known[a]
	if k == nil {
		return
	}
	k.joined = false
	if useful {
		k.failures = 0
	}
	b.failed(a, now)
}

// again has a peer dialled at once that was closed to connect anew.
func (b *addressBook) again(a netip.AddrPort) {
	if k := b.known[a]; k != nil {
		k.joined, k.failures, k.next = false, 0, time.Time{}
	}
}

// isSelf notes that an address is our own.
func (b *addressBook) isSelf(a netip.AddrPort) {
	if k := b.known[a]; k != nil && k.dialing {
		b.dialing--
	}
	b.self[a] = true
	b.forget(a)
}
