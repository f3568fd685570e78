package server

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
)

// An endpoint is an address, IPv4 as IPv4-mapped, and a port in network order.
// It has no pointer: a million of them cost the garbage collector nothing.
type endpoint [18]byte

func endpointOf(a netip.Addr, port uint16) (e endpoint) {
	b := a.As16()
	copy(e[:], b[:])
	binary.BigEndian.PutUint16(e[16:], port)
	return e
}

func (e *endpoint) is4() bool {
	return [12]byte(e[:12]) == [12]byte{10: 0xff, 11: 0xff}
}

func (e *endpoint) loopback() bool {
	if e.is4() {
		return e[12] == 127
	}
	return [16]byte(e[:16]) == [16]byte{15: 1}
}

// A group is what one host can easily have all addresses of: an IPv4 address, an
// IPv6 network of 64 bits.
type group [8]byte

func (e *endpoint) group() group {
	if e.is4() {
		return group(e[8:16])
	}
	return group(e[:8])
}

// A peer of a swarm.
type peer struct {
	at   endpoint
	seed bool
	seen uint32 // seconds since the start
}

// appendPeer appends a peer as the asker on route r is to dial it: one from this
// machine's loopback is at the address at which an asker from elsewhere reached
// us. Who came by way of loopback, from whatever address, is on this machine too.
func appendPeer(dst []byte, at endpoint, r route) []byte {
	if at.loopback() && !r.from.Addr().IsLoopback() && !r.to.IsLoopback() {
		if !r.to.IsValid() {
			return dst
		}
		at = endpointOf(r.to, binary.BigEndian.Uint16(at[16:]))
	}
	if at.is4() {
		return append(dst, at[12:]...)
	}
	return append(dst, at[:]...)
}

// A picker chooses peers at random. It reuses its memory.
type picker struct{ first, rest []uint16 }

// pick returns the indexes of at most want peers for the asker, itself left out.
// A seeder gets leechers before other seeders.
func (k *picker) pick(peers []peer, asker announced, want int) []uint16 {
	k.first, k.rest = k.first[:0], k.rest[:0]
	for i := range peers {
		switch {
		case peers[i].at == asker.self:
		case asker.seed && peers[i].seed:
			k.rest = append(k.rest, uint16(i))
		default:
			k.first = append(k.first, uint16(i))
		}
	}
	draw(k.first, want)
	if want <= len(k.first) {
		return k.first[:want]
	}
	draw(k.rest, want-len(k.first))
	return append(k.first, k.rest[:min(want-len(k.first), len(k.rest))]...)
}

// draw moves n of a, drawn at random, to its front.
func draw(a []uint16, n int) {
	for i := range min(n, len(a)) {
		j := i + rand.IntN(len(a)-i)
		a[i], a[j] = a[j], a[i]
	}
}
