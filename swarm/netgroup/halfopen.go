package netgroup

import (
	"net/netip"
	"slices"
	"sync"
)

const (
	// MaxHalfOpen bounds the incoming connections whose handshake is not over.
	MaxHalfOpen = 40
	// keptHalfOpen is how many of a group's no other group takes the place of.
	keptHalfOpen = 4
)

// HalfOpen is the incoming connections that have yet to say who they are: the
// place where strangers cost something and have proven nothing. Nobody is refused
// one. When all MaxHalfOpen places are taken the oldest of the largest group makes
// room, the newcomer counted in; the first four of a group go for nobody of
// another.
//
// Where that leaves nobody, because no group has more than four, the oldest of all
// goes: an honest handshake is over in a round trip or two, so that whoever has
// waited longest is least likely to be one, while a newcomer who was refused would
// be shut out by forty silent connections from ten groups.
//
// The zero HalfOpen is ready. It is safe for concurrent use.
type HalfOpen struct {
	mu     sync.Mutex // guards places; held for a few instructions, as evict must not block
	places []*Place   // the oldest first
}

// A Place is one connection's in a HalfOpen.
type Place struct {
	of    *HalfOpen
	group netip.Prefix
	evict func()
}

// Enter takes a place for a connection from an address. evict is called, at most
// once and not after Leave, when the place goes to another: it must close the
// connection, and neither block nor call the HalfOpen.
func (h *HalfOpen) Enter(from netip.Addr, evict func()) *Place {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := &Place{of: h, group: Of(from), evict: evict}
	if len(h.places) >= MaxHalfOpen {
		victim := h.victim(p.group)
		out := h.places[victim]
		h.remove(victim)
		out.evict()
	}
	h.places = append(h.places, p)
	return p
}

// Leave gives the place back when the handshake is over. It reports whether the
// connection still had it: if not, it was closed.
func (p *Place) Leave() bool {
	h := p.of
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, q := range h.places {
		if q == p {
			h.remove(i)
			return true
		}
	}
	return false
}

// Held reports whether the connection still has its place.
func (p *Place) Held() bool {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	return slices.Contains(p.of.places, p)
}

// Len is how many places are taken.
func (h *HalfOpen) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.places)
}

func (h *HalfOpen) remove(i int) {
	copy(h.places[i:], h.places[i+1:])
	h.places[len(h.places)-1] = nil
	h.places = h.places[:len(h.places)-1]
}

// victim is who makes room for a newcomer of a group. The caller has locked mu.
func (h *HalfOpen) victim(newcomer netip.Prefix) int {
	sizes := map[netip.Prefix]int{newcomer: 1}
	largest := 0
	for _, p := range h.places {
		sizes[p.group]++
		largest = max(largest, sizes[p.group])
	}
	if largest <= keptHalfOpen {
		return 0
	}
	for i, p := range h.places {
		if sizes[p.group] == largest {
			return i
		}
	}
	return 0 // never: a group of one is not the largest
}
