package pex

import (
	"cmp"
	"net/netip"
	"slices"
)

// fewLive is below how many live peers of a family those that left of late are
// told too, and how many of them are kept (BEP 11).
const fewLive = 25

// Recent keeps peers that we left although they were well: because neither
// side wanted anything, or for want of room. BEP 11 lets them be told where
// few are connected, once to each peer.
type Recent struct {
	gone [2][]left // IPv4, IPv6; oldest first
	seq  uint64
}

// left is a peer and its number in the order of leaving.
type left struct {
	peer Peer
	seq  uint64
}

// Add notes that a peer was left. Not to be called for one that failed us.
func (r *Recent) Add(p Peer) {
	if !usable(p.Addr) {
		return
	}
	r.Remove(p.Addr)
	list := &r.gone[family(p.Addr)]
	if len(*list) == fewLive {
		*list = slices.Delete(*list, 0, 1)
	}
	r.seq++
	*list = append(*list, left{p, r.seq})
}

// Remove forgets a peer: it is connected again, or was proven bad.
func (r *Recent) Remove(a netip.AddrPort) {
	list := &r.gone[family(a)]
	*list = slices.DeleteFunc(*list, func(g left) bool { return g.peer.Addr == a })
}

// after lists those that left after number seq, in order.
func (r *Recent) after(seq uint64) (out []left) {
	for _, list := range r.gone {
		for _, g := range list {
			if g.seq > seq {
				out = append(out, g)
			}
		}
	}
	slices.SortFunc(out, func(a, b left) int { return cmp.Compare(a.seq, b.seq) })
	return out
}

func family(a netip.AddrPort) int {
	if a.Addr().Is4() {
		return 0
	}
	return 1
}
