// Package netgroup says which addresses count as one, and who may tell of which.
//
// Keys, ports and connections are free; addresses outside one's own network are
// not. So what strangers can fill is bounded by address group, and nobody is
// dialled on the word of someone who cannot know him.
package netgroup

import "net/netip"

// shared is the address space between carriers and their customers (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// Of returns the group of an address: the address itself where it is Local, else
// its /24 or /64. An address that is not valid is of the zero group, with all
// others of that kind.
func Of(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if !Local(a) {
		bits = 24
		if a.Is6() {
			bits = 64
		}
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// Local reports whether an address is of one machine or one network only:
// loopback, private (RFC 1918, 4193), link-local, or shared with a carrier
// (RFC 6598). The same address elsewhere is another machine.
func Local(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || shared.Contains(a)
}

// Dialable reports whether a peer may listen at an address: no port 0, nothing
// unspecified, multicast or broadcast.
func Dialable(a netip.AddrPort) bool {
	ip := a.Addr().Unmap()
	return a.Port() != 0 && ip.IsValid() && !ip.IsUnspecified() && !ip.IsMulticast() &&
		ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// firstOpenPort is the first port that does not need a privilege to listen on:
// peers have no business below, and mail, web and name servers are there.
const firstOpenPort = 1024

// MayTell reports whether an address may be dialled on somebody's word: a peer's,
// a member's or a tracker's. teller is where the word came from. Only who is on
// this machine may tell of addresses on it, and only who is on a local network
// himself of addresses on one; the port must not be a privileged one. A teller
// without an address (a pipe, in tests) is taken to be on this machine.
func MayTell(teller netip.Addr, told netip.AddrPort) bool {
	if !Dialable(told) || told.Port() < firstOpenPort {
		return false
	}
	return MayKnow(teller, told.Addr())
}

// MayKnow reports whether an address means to somebody elsewhere what it means
// here: what MayTell asks of addresses, and what keeps us from telling others of
// those that are none of their business.
func MayKnow(who, a netip.Addr) bool {
	a, who = a.Unmap(), who.Unmap()
	here := !who.IsValid() || who.IsLoopback()
	switch {
	case a.IsLoopback():
		return here
	case Local(a):
		return here || Local(who)
	}
	return true
}
