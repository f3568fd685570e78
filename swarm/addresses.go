package swarm

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/priority"
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
	// maxFailures forgets an address that nobody but peers told of.
	maxFailures = 3
	// maxOffers is how often in a row a peer takes nothing that was dialled to
	// offer it something, until somebody tells of it again.
	maxOffers = 6
	// banTime is how long a peer is kept out that was proven bad: not for
	// ever, for it may be the only one that has a piece.
	banTime = 10 * time.Minute
	// banAddress is how many bad ports ban the whole address.
	banAddress = 3
)

// origin is where an address came from, the least trusted first: a worse one
// never displaces a better.
type origin int

const (
	fromPEX origin = iota // told by a peer: of others, or of itself
	fromLSD
	fromTracker
	fromMember // whom FindPeers returned
	fromBefore // reached by an earlier run
	fromCaller
)

// public reports whether a private torrent may have none of these (BEP 27).
func (o origin) public() bool { return o <= fromLSD }

// address is a peer that can be dialled.
type address struct {
	from     origin
	failures int
	next     time.Time  // not dialled before
	hearsay  bool       // counted in told: nobody of ours has reached it
	teller   netip.Addr // who told of it, for that count
	turn     int        // its place in what FindPeers returned; the first are the surest
	dialing  bool
	joined   bool
	sated    bool      // it had everything when it left
	reached  time.Time // when a dial last ended at a peer
	rank     uint32    // BEP 40, among those of the same origin
}

// addressBook is the peers known of one torrent. Owned by its loop.
type addressBook struct {
	own     [2]netip.AddrPort // ours as others see it, IPv4 and IPv6; zero: not known
	known   map[netip.AddrPort]*address
	private bool // takes nobody of whom only peers or announces told (BEP 27)
	self    map[netip.AddrPort]bool
	banned  map[netip.AddrPort]time.Time // until when
	bans    map[netip.Addr]int
	told    netgroup.Told
	dials   *netgroup.Dials // of all torrents and drives; nil: no bound
	members int             // known by FindPeers only
	dialing int
	asking  bool      // FindPeers is running
	asked   time.Time // when FindPeers was last called
	finds   int       // how often
}

func newAddressBook() addressBook {
	return addressBook{
		known:  map[netip.AddrPort]*address{},
		self:   map[netip.AddrPort]bool{},
		banned: map[netip.AddrPort]time.Time{},
		bans:   map[netip.Addr]int{},
	}
}

// add takes in addresses that may be dialled, and counts the new ones. Whoever
// told of them was asked whether he may.
func (b *addressBook) add(addrs []netip.AddrPort, from origin) (fresh int) {
	return b.hear(netip.Addr{}, addrs, from)
}

// hear is add, for addresses that count as known on the word of one teller.
func (b *addressBook) hear(teller netip.Addr, addrs []netip.AddrPort, from origin) (fresh int) {
	for i, a := range addrs {
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		k := b.known[a]
		if k != nil {
			b.heardAgain(a, k, from)
		} else if k = b.insert(teller, a, from); k != nil {
			fresh++
		}
		if k != nil && from == fromMember {
			k.turn = i
		}
	}
	return fresh
}

// heardAgain takes in an address that is known.
func (b *addressBook) heardAgain(a netip.AddrPort, k *address, from origin) {
	if from > k.from {
		b.becomes(a, k, from)
	}
	if (from == fromCaller || from == fromMember) && !k.joined { // somebody says it is there
		if from == fromCaller || k.failures == 0 {
			k.next = time.Time{}
		}
		if from == fromCaller {
			k.failures = 0
		}
	}
	if !from.public() { // those tell of whoever is there, again and again
		k.sated, k.failures = false, min(k.failures, maxOffers-1)
	}
}

// insert takes in an address that is not known; nil if it cannot be dialled or
// there is no room for it.
func (b *addressBook) insert(teller netip.Addr, a netip.AddrPort, from origin) *address {
	if b.private && from.public() || !netgroup.Dialable(a) || b.self[a] || from == fromMember && !b.roomForMember() {
		return nil
	}
	if from.hearsay() && !b.roomForWord(teller, a, from) {
		return nil
	}
	k := &address{from: from, rank: b.rankOf(a), hearsay: from.hearsay(), teller: teller}
	if len(b.known) >= maxAddresses && !b.displace(from) {
		if k.hearsay {
			b.told.Remove(teller, a)
		}
		return nil
	}
	b.known[a] = k
	if from == fromMember {
		b.members++
	}
	return k
}

// displace forgets an address of a worse origin; false if there is none.
func (b *addressBook) displace(from origin) bool {
	var worst netip.AddrPort
	for a, k := range b.known {
		if k.from < from && !k.joined && !k.dialing && (!worst.IsValid() || k.from < b.known[worst].from) {
			worst = a
		}
	}
	if worst.IsValid() {
		b.forget(worst)
	}
	return worst.IsValid()
}

// forgetPublic forgets whoever a private torrent may not know.
func (b *addressBook) forgetPublic() {
	for a, k := range b.known {
		if k.from.public() && !k.dialing {
			b.forget(a)
		}
	}
}

// rankOf is the canonical priority of a connection with a peer (BEP 40).
func (b *addressBook) rankOf(a netip.AddrPort) uint32 {
	return priority.Of(b.own[family(a.Addr())], a)
}

// isOurs notes how others see us.
func (b *addressBook) isOurs(own netip.AddrPort) {
	own = netip.AddrPortFrom(own.Addr().Unmap(), own.Port())
	f := family(own.Addr())
	if b.own[f] == own || !own.Addr().IsValid() || own.Addr().IsUnspecified() {
		return
	}
	b.own[f] = own
	for a, k := range b.known {
		k.rank = b.rankOf(a)
	}
}

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
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

// reached lists up to n peers that a dial ended at: those first that are
// connected, then those reached last. Who could not be reached again is left
// out, and who was proven bad.
func (b *addressBook) reached(n int) (out []netip.AddrPort) {
	for a, k := range b.known {
		if !k.reached.IsZero() && (k.joined || k.failures <= 1) && b.banned[a].IsZero() {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(x, y netip.AddrPort) int {
		p, q := b.known[x], b.known[y]
		if p.joined != q.joined {
			if p.joined {
				return -1
			}
			return 1
		}
		return cmp.Or(q.reached.Compare(p.reached), x.Compare(y))
	})
	return out[:min(len(out), n)]
}
