package book

import (
	"net/netip"

	"p2pfs/swarm/priority"
)

// Ours is our own address as others see it, in each family; invalid: not known.
// It ranks peers by canonical priority (BEP 40).
type Ours [2]netip.AddrPort

// Seen notes how others see us.
func (o *Ours) Seen(own netip.AddrPort) {
	if own = unmapped(own); own.Addr().IsValid() && !own.Addr().IsUnspecified() {
		o[family(own.Addr())] = own
	}
}

// Rank is the canonical priority of a connection with a peer (BEP 40).
func (o *Ours) Rank(a netip.AddrPort) uint32 { return priority.Of(o[family(a.Addr())], a) }

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
