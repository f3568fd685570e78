// Package pex is peer exchange (BEP 11): the messages of the extension ut_pex,
// what each peer is to be told and when, and how much of a peer's talk is
// listened to.
//
// It is pure: no goroutine, no lock, no network, and no clock but the times it
// is given. Nothing here is safe for concurrent use. The caller leaves private
// torrents out (BEP 27), and tells only of peers it is connected to and knows
// the listen port of. Of BEP 11 nothing is left out; what dropped entries say
// is read, and it is the caller's to make use of.
package pex

import (
	"cmp"
	"net/netip"
	"time"
)

// Extension is the name under which ut_pex is offered in extended handshakes.
const Extension = "ut_pex"

const (
	// MaxEntries bounds what is told in one message as added, and as dropped
	// (BEP 11), and of what comes each family of each.
	MaxEntries = 50
	// Interval is the least time between two messages to one peer (BEP 11).
	Interval = time.Minute
	// FirstDelay is how long a new peer waits for its first message, so that
	// one message tells of all who come at once.
	FirstDelay = 3 * time.Second
)

// Flags say more of a peer that was added (BEP 11).
type Flags byte

// The flags of BEP 11.
const (
	PrefersEncryption Flags = 1 << iota
	Seed                    // wants nothing: a seed or upload-only (BEP 21)
	UTP
	Holepunch
	Reachable // the teller dialled it
)

// Peer is one that was added: where it takes connections, and what is known
// of it. IPv4 addresses are never in their IPv6 form.
type Peer struct {
	Addr  netip.AddrPort
	Flags Flags
}

// Message is one ut_pex message.
type Message struct {
	Added   []Peer
	Dropped []netip.AddrPort
}

// usable reports whether an address can be dialled and be written in a
// message. IPv6's link-local ones cannot: a message carries no zone.
func usable(a netip.AddrPort) bool {
	ip := a.Addr()
	return a.Port() != 0 && ip.IsValid() && !ip.Is4In6() && ip.Zone() == "" && !ip.IsUnspecified() && !ip.IsMulticast() &&
		!(ip.Is6() && ip.IsLinkLocalUnicast()) && ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// byUse orders peers: those first that are sure to be reachable.
func byUse(a, b Peer) int {
	return cmp.Or(cmp.Compare(b.Flags&Reachable, a.Flags&Reachable), a.Addr.Compare(b.Addr))
}
