package swarm

import (
	"net/netip"
	"time"
)

const (
	// maxAddresses bounds the peers known of one torrent.
	maxAddresses = 2000
	// maxTorrentPeers bounds the connections of one torrent.
	maxTorrentPeers = 100
	// maxSameAddr bounds the connections of one torrent with one address.
	maxSameAddr = 8
	// maxHalfOpen bounds the dials under way of one torrent.
	maxHalfOpen = 30
	// firstBackoff and lastBackoff bound the wait before a peer that could
	// not be reached, or left, is dialled again.
	firstBackoff = time.Second
	lastBackoff  = 30 * time.Second
	// banTime is how long a peer is kept out that was proven bad: not for
	// ever, for it may be the only one that has a piece.
	banTime = 10 * time.Minute
	// banAddress is how many bad ports ban the whole address.
	banAddress = 3
)

// origin is where an address came from; a later one never displaces a better.
type origin int

const (
	fromTracker origin = iota
	fromCaller
)

// address is a peer that can be dialled.
type address struct {
	from     origin
	failures int
	next     time.Time // not dialled before
	dialing  bool
	joined   bool
}

// addressBook is the peers known of one torrent. Owned by its loop.
type addressBook struct {
	known   map[netip.AddrPort]*address
	self    map[netip.AddrPort]bool
	banned  map[netip.AddrPort]time.Time // until when
	bans    map[netip.Addr]int
	dialing int
	asking  bool      // FindPeers is running
	asked   time.Time // when FindPeers was last called
}

func newAddressBook() addressBook {
	return addressBook{
		known:  map[netip.AddrPort]*address{},
		self:   map[netip.AddrPort]bool{},
		banned: map[netip.AddrPort]time.Time{},
		bans:   map[netip.Addr]int{},
	}
}

// add takes in addresses that may be dialled, and counts the new ones.
func (b *addressBook) add(addrs []netip.AddrPort, from origin) (fresh int) {
	for _, a := range addrs {
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if k := b.known[a]; k != nil {
			if from > k.from {
				k.from = from
			}
			if from == fromCaller && !k.joined {
				k.failures, k.next = 0, time.Time{} // somebody says it is there
			}
			continue
		}
		if a.Port() == 0 || !a.Addr().IsValid() || a.Addr().IsUnspecified() || a.Addr().IsMulticast() ||
			b.self[a] || len(b.known) >= maxAddresses {
			continue
		}
		b.known[a] = &address{from: from}
		fresh++
	}
	return fresh
}

func (b *addressBook) isBanned(a netip.AddrPort, now time.Time) bool {
	return now.Before(b.banned[a]) || b.bans[a.Addr()] >= banAddress
}

// ban keeps out a connection's address and, where it is known, the one it
// can be dialled at.
func (b *addressBook) ban(addr, listen netip.AddrPort, now time.Time) {
	if b.banned[addr].IsZero() {
		b.bans[addr.Addr()]++
	}
	b.banned[addr] = now.Add(banTime)
	if listen.IsValid() {
		b.banned[listen] = now.Add(banTime)
	}
}

// due returns the addresses to dial now, at most n of them.
func (b *addressBook) due(now time.Time, n int) (out []netip.AddrPort) {
	for a, k := range b.known {
		if len(out) == n {
			break
		}
		if !k.joined && !k.dialing && !now.Before(k.next) && !b.isBanned(a, now) {
			out = append(out, a)
		}
	}
	return out
}

func (b *addressBook) connected(a netip.AddrPort) {
	if k := b.known[a]; k != nil {
		k.joined, k.dialing = true, false
		b.dialing--
	}
}

// isConnected notes that a peer which connected to us can be found there.
func (b *addressBook) isConnected(a netip.AddrPort) {
	if k := b.known[a]; k != nil {
		k.joined = true
	}
}

// unwelcome notes a connection we dialled and did not keep.
func (b *addressBook) unwelcome(a netip.AddrPort, now time.Time) {
	if k := b.known[a]; k != nil {
		k.joined, k.next = false, now.Add(lastBackoff)
	}
}

// failed puts the next dial off, twice as long each time.
func (b *addressBook) failed(a netip.AddrPort, now time.Time) {
	if k := b.known[a]; k != nil {
		if k.dialing {
			k.dialing = false
			b.dialing--
		}
		k.next = now.Add(min(firstBackoff<<min(k.failures, 10), lastBackoff))
		k.failures++
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

// isSelf notes that an address is our own.
func (b *addressBook) isSelf(a netip.AddrPort) {
	if k := b.known[a]; k != nil && k.dialing {
		b.dialing--
	}
	b.self[a] = true
	delete(b.known, a)
}
