package cli

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"p2pfs/cmd/p2pfs/human"
)

// Localhost is what every machine has.
var Localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// AnyPort is the port of a ListenAddr that leaves it to p2pfs.
const AnyPort = -1

// ListenAddr is where to listen, and where connections are dialled from.
type ListenAddr struct {
	Addr netip.Addr // the zero Addr: all interfaces
	Port int        // 0: whatever the kernel gives; AnyPort: not said
}

// ListenFlag returns a flag for an address to listen on. It begins as *p.
func ListenFlag(p *ListenAddr) pflag.Value {
	return value[ListenAddr]{p: p, kind: "addr:port", parse: parseListen, format: ListenAddr.String}
}

// parseListen reads ADDR:PORT, :PORT, or ADDR alone. An IPv6 address before a
// port stands in brackets; a host name is not an address, but for localhost.
func parseListen(s string) (ListenAddr, error) {
	bad := fmt.Errorf("want ADDR:PORT, :PORT or ADDR")
	if host, ok := parseHostAddr(s); ok {
		return ListenAddr{host, AnyPort}, nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return ListenAddr{}, bad
	}
	n, err := parsePort(port, 0)
	if err != nil {
		return ListenAddr{}, err
	}
	if host == "" {
		return ListenAddr{Port: n}, nil
	}
	addr, ok := parseHostAddr(host)
	if !ok {
		return ListenAddr{}, bad
	}
	return ListenAddr{addr, n}, nil
}

// parseHostAddr reads an IP address, with or without brackets, or localhost.
func parseHostAddr(s string) (netip.Addr, bool) {
	if s == "localhost" {
		return Localhost, true
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return addr, closed && err == nil && addr.Is6()
	}
	addr, err := netip.ParseAddr(s)
	return addr, err == nil
}

// parsePort reads a port of at least low.
func parsePort(s string, low int) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || int(n) < low {
		return 0, fmt.Errorf("port %s: want %d to 65535", human.Quoted(s), low)
	}
	return int(n), nil
}

// String returns what parseListen reads; the empty string when nothing is set.
func (l ListenAddr) String() string {
	host := ""
	if l.Addr.IsValid() {
		host = l.Addr.String()
	}
	if l.Port == AnyPort {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(l.Port))
}

// HostPort returns l with an empty port where none is set, for functions that
// choose one themselves.
func (l ListenAddr) HostPort() string {
	if l.Port != AnyPort {
		return l.String()
	}
	return net.JoinHostPort(l.String(), "")
}

// All reports whether l means every interface.
func (l ListenAddr) All() bool { return !l.Addr.IsValid() || l.Addr.IsUnspecified() }

// WithPort returns l with that port if it has none.
func (l ListenAddr) WithPort(port int) ListenAddr {
	if l.Port == AnyPort {
		l.Port = port
	}
	return l
}

// ParsePeer checks HOST:PORT, the host an address or a name.
func ParsePeer(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || len(host) > 253 || !human.Plain(host) || strings.ContainsAny(host, " /@") {
		return "", fmt.Errorf("want HOST:PORT")
	}
	if _, err := parsePort(port, 1); err != nil {
		return "", err
	}
	return s, nil
}

// ResolvePeers turns what ParsePeer let pass into addresses. It blocks on DNS
// for names, all at once.
func ResolvePeers(ctx context.Context, peers []string) ([]netip.AddrPort, error) {
	var all []netip.AddrPort
	for _, peer := range peers {
		host, port, _ := net.SplitHostPort(peer)
		n, _ := strconv.ParseUint(port, 10, 16)
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, fmt.Errorf("peer %s: %w", human.Quoted(peer), err)
		}
		for _, addr := range addrs {
			all = append(all, netip.AddrPortFrom(addr.Unmap(), uint16(n)))
		}
	}
	return all, nil
}
