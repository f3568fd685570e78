package book

import (
	"net/netip"
	"time"
)

const (
	// BanTime is how long a peer is kept out that was proven bad: not for
	// ever, for it may be the only one that has a piece.
	BanTime = 10 * time.Minute
	// banAddress is how many bad ports ban the whole address.
	banAddress = 3
)

// Bans are the peers of one swarm that were proven bad. The zero value has none.
type Bans struct {
	until map[netip.AddrPort]time.Time
	ports map[netip.Addr]int
}

// Ban keeps out a connection's address and, where it is known, the one it
// can be dialled at.
func (b *Bans) Ban(addr, listen netip.AddrPort, now time.Time) {
	if b.until == nil {
		b.until, b.ports = map[netip.AddrPort]time.Time{}, map[netip.Addr]int{}
	}
	if !b.Ever(addr) {
		b.ports[addr.Addr()]++
	}
	b.until[addr] = now.Add(BanTime)
	if listen.IsValid() {
		b.until[listen] = now.Add(BanTime)
	}
}

// Banned reports whether an address is kept out now.
func (b *Bans) Banned(a netip.AddrPort, now time.Time) bool {
	return now.Before(b.until[a]) || b.ports[a.Addr()] >= banAddress
}

// Ever reports whether an address was kept out once.
func (b *Bans) Ever(a netip.AddrPort) bool { return !b.until[a].IsZero() }
