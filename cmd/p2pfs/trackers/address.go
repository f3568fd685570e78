package trackers

import (
	"net"
	"net/netip"

	"p2pfs/cmd/p2pfs/cli"
)

// Port is where trackers are by custom, and where our own listens.
const Port = 6969

// URL returns the URL of the tracker at that address.
func URL(at netip.AddrPort) string { return "udp://" + at.String() }

// Reachable returns the address that others can use to reach a socket: its
// own or, if it listens on all of them, the first of the machine's that is
// not for itself only; then IPv4 is preferred.
func Reachable(at netip.AddrPort) netip.AddrPort {
	if !at.Addr().IsUnspecified() {
		return at
	}
	best := cli.Localhost
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || !prefix.Addr().IsGlobalUnicast() {
			continue
		}
		if addr := prefix.Addr(); best.IsLoopback() || !best.Is4() && addr.Is4() {
			best = addr
		}
	}
	return netip.AddrPortFrom(best, at.Port())
}
