package tracker

import "net/netip"

// How far inside an address is. A redirect may lead outward, never inward: a
// tracker on the internet has no business with what only we can reach.
const (
	onInternet = iota
	onPrivate  // the local net, or the provider's
	onLink     // the wire: configuration services of clouds, among others
	onHost     // this machine
)

// inner are the networks that are not the internet.
var inner = []struct {
	net   netip.Prefix
	depth int
}{
	{netip.MustParsePrefix("0.0.0.0/8"), onHost},
	{netip.MustParsePrefix("127.0.0.0/8"), onHost},
	{netip.MustParsePrefix("::1/128"), onHost},
	{netip.MustParsePrefix("::/128"), onHost},
	{netip.MustParsePrefix("169.254.0.0/16"), onLink},
	{netip.MustParsePrefix("fe80::/10"), onLink},
	{netip.MustParsePrefix("10.0.0.0/8"), onPrivate},
	{netip.MustParsePrefix("172.16.0.0/12"), onPrivate},
	{netip.MustParsePrefix("192.168.0.0/16"), onPrivate},
	{netip.MustParsePrefix("100.64.0.0/10"), onPrivate}, // between provider and customer (RFC 6598)
	{netip.MustParsePrefix("192.0.0.0/24"), onPrivate},  // protocol assignments (RFC 6890)
	{netip.MustParsePrefix("198.18.0.0/15"), onPrivate}, // benchmarks (RFC 2544)
	{netip.MustParsePrefix("224.0.0.0/4"), onLink},      // groups
	{netip.MustParsePrefix("240.0.0.0/4"), onLink},      // reserved, and broadcast
	{netip.MustParsePrefix("fc00::/7"), onPrivate},
	{netip.MustParsePrefix("fec0::/10"), onPrivate}, // site-local, once
	{netip.MustParsePrefix("ff00::/8"), onLink},
}

// embedding are the IPv6 networks whose addresses stand for IPv4 ones, and
// where those begin in them.
var embedding = []struct {
	net netip.Prefix
	at  int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},   // NAT64 (RFC 6052)
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12}, // NAT64, local (RFC 8215), as mostly used
	{netip.MustParsePrefix("2002::/16"), 2},       // 6to4
	{netip.MustParsePrefix("::/96"), 12},          // compatible, once
}

// depth tells how far inside an address is.
func depth(a netip.Addr) int {
	a = a.Unmap().WithZone("")
	for _, in := range inner {
		if in.net.Contains(a) {
			return in.depth
		}
	}
	for _, e := range embedding {
		if e.net.Contains(a) {
			bytes := a.As16()
			return depth(netip.AddrFrom4([4]byte(bytes[e.at : e.at+4])))
		}
	}
	return onInternet
}
