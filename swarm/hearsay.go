package swarm

import (
	"net/netip"
	"time"

	"p2pfs/swarm/netgroup"
)

// maxMembers bounds the addresses of one torrent that only FindPeers told of.
const maxMembers = 128

// hearsay reports whether an address of that origin is known on somebody's word:
// nobody of ours has reached it, and no user named it.
func (o origin) hearsay() bool { return o <= fromMember }

// teller is what kind of somebody that is.
func (o origin) teller() netgroup.Teller {
	if o == fromLSD || o == fromTracker {
		return netgroup.Tracker
	}
	return netgroup.Peer
}

// ready reports whether an address may be dialled as far as others are to be
// spared: one that a user named or that was reached before always.
func (b *addressBook) ready(a netip.AddrPort, k *address, now time.Time) bool {
	return !k.hearsay || b.dials == nil || b.dials.Met(a, now) || b.dials.Ready(a.Addr(), k.from.teller(), now)
}

// take is ready for an address that is known, and counts the dial.
func (b *addressBook) take(a netip.AddrPort, now time.Time) bool {
	k := b.known[a]
	return !k.hearsay || b.dials == nil || b.dials.Met(a, now) || b.dials.Take(a.Addr(), k.from.teller(), now)
}

// proven notes that a peer answered at an address: it is no hearsay any more.
func (b *addressBook) proven(a netip.AddrPort, k *address, now time.Time) {
	if b.dials != nil {
		if k.hearsay && !b.dials.Met(a, now) {
			b.dials.Reached(a.Addr())
		}
		b.dials.Meet(a, now)
	}
	b.believe(a, k)
}

// believe takes an address out of what is counted as hearsay.
func (b *addressBook) believe(a netip.AddrPort, k *address) {
	if k.hearsay {
		b.told.Remove(k.teller, a)
		k.hearsay = false
	}
}

// becomes gives an address a better origin.
func (b *addressBook) becomes(a netip.AddrPort, k *address, from origin) {
	if k.from == fromMember {
		b.members--
	}
	if k.from = from; from == fromMember {
		b.members++
	}
	if !from.hearsay() {
		b.believe(a, k)
	}
}

// forget drops an address.
func (b *addressBook) forget(a netip.AddrPort) {
	k := b.known[a]
	if k == nil {
		return
	}
	b.believe(a, k)
	if k.from == fromMember {
		b.members--
	}
	delete(b.known, a)
}

// roomForWord counts an address that is known on a teller's word. Where its
// host has too many ports already one makes room that a worse origin told of; for
// a host's own word one that was dialled in vain, too.
func (b *addressBook) roomForWord(teller netip.Addr, a netip.AddrPort, from origin) bool {
	ok, crowded := b.told.Add(teller, a)
	if ok || !crowded {
		return ok
	}
	for o, k := range b.known {
		if o.Addr() == a.Addr() && k.hearsay && !k.joined && !k.dialing && (k.from < from || teller == a.Addr() && k.failures > 0) {
			b.forget(o)
			ok, _ = b.told.Add(teller, a)
			return ok
		}
	}
	return false
}

// roomForMember makes room for an address that FindPeers returned: of the others
// the one goes that failed most, of these the one that was least sure.
func (b *addressBook) roomForMember() bool {
	if b.members < maxMembers {
		return true
	}
	var worst netip.AddrPort
	var w *address
	for a, k := range b.known {
		if k.from != fromMember || k.joined || k.dialing {
			continue
		}
		if w == nil || k.failures > w.failures || k.failures == w.failures && k.turn > w.turn {
			worst, w = a, k
		}
	}
	b.forget(worst)
	return w != nil
}
