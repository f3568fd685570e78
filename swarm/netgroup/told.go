package netgroup

import "net/netip"

const (
	// MaxPorts is how many ports of one public address are known on somebody's
	// word: two homes behind one carrier's address, two hosts in one home.
	MaxPorts = 4
	// MaxTold is how many addresses are known on the word of one group that
	// nobody has answered at yet.
	MaxTold = 100
	// MaxGroup is how many addresses of one public group are known on anybody's
	// word.
	MaxGroup = 200
)

// Told counts the addresses that are known on somebody's word only, until a peer
// was reached there. The zero Told is ready. It belongs to one goroutine.
type Told struct {
	ports   map[netip.Addr]int
	groups  map[netip.Prefix]int // of ports
	tellers map[netip.Prefix]int // by the teller's group
}

// Add counts an address that a teller named, unless one of them has too many.
// crowded says that it is the address: forgetting another port of it would make
// room. Whoever tells of himself, and a teller without an address, may name as many
// as they like as far as tellers go.
func (t *Told) Add(teller netip.Addr, told netip.AddrPort) (ok, crowded bool) {
	a, by := told.Addr().Unmap(), byWhom(teller, told)
	switch {
	case by.IsValid() && t.tellers[by] >= MaxTold:
		return false, false
	case !Local(a) && t.ports[a] >= MaxPorts:
		return false, true
	case !Local(a) && t.groups[Of(a)] >= MaxGroup:
		return false, false
	}
	if t.ports == nil {
		t.ports, t.groups, t.tellers = map[netip.Addr]int{}, map[netip.Prefix]int{}, map[netip.Prefix]int{}
	}
	t.ports[a]++
	t.groups[Of(a)]++
	t.tellers[by]++
	return true, false
}

// Remove takes back an Add that reported true: the address was forgotten, or is
// not hearsay any more.
func (t *Told) Remove(teller netip.Addr, told netip.AddrPort) {
	take(t.ports, told.Addr().Unmap())
	take(t.groups, Of(told.Addr()))
	take(t.tellers, byWhom(teller, told))
}

// byWhom is the group of a teller, zero where it does not count.
func byWhom(teller netip.Addr, told netip.AddrPort) netip.Prefix {
	if teller.Unmap() == told.Addr().Unmap() {
		return netip.Prefix{}
	}
	return Of(teller)
}

// take takes one off a count.
func take[K comparable](m map[K]int, k K) {
	if m[k]--; m[k] <= 0 {
		delete(m, k)
	}
}
