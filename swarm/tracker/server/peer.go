package server

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
)

// An endpoint is an address, IPv4 as IPv4-mapped, and a port. It has no pointer,
// so that a million of them cost the garbage collector nothing, and is compared
// in a few instructions, as a busy swarm does it a thousand times an announce.
type endpoint struct {
	hi, lo uint64 // the address, high part first
	port   uint16
}

func endpointOf(a netip.Addr, port uint16) endpoint {
	b := a.As16()
	return endpoint{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:]), port}
}

// mapped is what stands in the upper half of lo before an IPv4 address.
const mapped = 0xffff

func (e endpoint) is4() bool { return e.hi == 0 && e.lo>>32 == mapped }

func (e endpoint) loopback() bool {
	return e.hi == 0 && (e.lo>>24 == mapped<<8|127 || e.lo == 1)
}

// appendTo appends the endpoint in its compact form: 6 or 18 bytes.
func (e endpoint) appendTo(dst []byte) []byte {
	if e.is4() {
		dst = binary.BigEndian.AppendUint32(dst, uint32(e.lo))
	} else {
		dst = binary.BigEndian.AppendUint64(dst, e.hi)
		dst = binary.BigEndian.AppendUint64(dst, e.lo)
	}
	return binary.BigEndian.AppendUint16(dst, e.port)
}

// A group names what one host can easily have all addresses of: an IPv4 address,
// an IPv6 network of 64 bits.
type group uint64

func (e endpoint) group() group {
	if e.is4() {
		return group(e.lo)
	}
	return group(e.hi)
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
		at = endpointOf(r.to, at.port)
	}
	return at.appendTo(dst)
}

// A picker chooses peers at random. It reuses its memory.
type picker struct{ first, rest []uint16 }

// pick returns the indexes of at most want peers for the asker, itself left out.
// A seeder gets leechers before other seeders.
func (k *picker) pick(peers []peer, asker announced, want int) []uint16 {
	k.first, k.rest = k.first[:0], k.rest[:0]
	if want == 0 {
		return nil
	}
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
