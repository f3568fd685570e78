package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// localhost is what every machine has.
var localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// anyPort is the port of a listenAddr that leaves it to p2pfs.
const anyPort = -1

// listenAddr is where to listen, and where connections are dialled from.
type listenAddr struct {
	addr netip.Addr // the zero Addr: all interfaces
	port int        // 0: whatever the kernel gives; anyPort: not said
}

// listenFlag returns a flag for an address to listen on. It begins as *p.
func listenFlag(p *listenAddr) pflag.Value {
	return value[listenAddr]{p: p, kind: "addr:port", parse: parseListen, format: listenAddr.String}
}

// parseListen reads ADDR:PORT, :PORT, or ADDR alone. An IPv6 address before a
// port stands in brackets; a host name is not an address, but for localhost.
func parseListen(s string) (listenAddr, error) {
	bad := fmt.Errorf("want ADDR:PORT, :PORT or ADDR")
	if host, ok := parseHostAddr(s); ok {
		return listenAddr{host, anyPort}, nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return listenAddr{}, bad
	}
	n, err := parsePort(port, 0)
	if err != nil {
		return listenAddr{}, err
	}
	if host == "" {
		return listenAddr{port: n}, nil
	}
	addr, ok := parseHostAddr(host)
	if !ok {
		return listenAddr{}, bad
	}
	return listenAddr{addr, n}, nil
}

// parseHostAddr reads an IP address, with or without brackets, or localhost.
func parseHostAddr(s string) (netip.Addr, bool) {
	if s == "localhost" {
		return localhost, true
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
		return 0, fmt.Errorf("port %s: want %d to 65535", quoted(s), low)
	}
	return int(n), nil
}

// String returns what parseListen reads; the empty string when nothing is set.
func (l listenAddr) String() string {
	host := ""
	if l.addr.IsValid() {
		host = l.addr.String()
	}
	if l.port == anyPort {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(l.port))
}

// hostPort returns l with an empty port where none is set, for functions that
// choose one themselves.
func (l listenAddr) hostPort() string {
	if l.port != anyPort {
		return l.String()
	}
	return net.JoinHostPort(l.String(), "")
}

// all reports whether l means every interface.
func (l listenAddr) all() bool { return !l.addr.IsValid() || l.addr.IsUnspecified() }

// withPort returns l with that port if it has none.
func (l listenAddr) withPort(port int) listenAddr {
	if l.port == anyPort {
		l.port = port
	}
	return l
}

// parsePeer checks HOST:PORT, the host an address or a name.
func parsePeer(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || len(host) > 253 || !plain(host) || strings.ContainsAny(host, " /@") {
		return "", fmt.Errorf("want HOST:PORT")
	}
	if _, err := parsePort(port, 1); err != nil {
		return "", err
	}
	return s, nil
}

// resolvePeers turns what parsePeer let pass into addresses. It blocks on DNS
// for names, all at once.
func resolvePeers(ctx context.Context, peers []string) ([]netip.AddrPort, error) {
	var all []netip.AddrPort
	for _, peer := range peers {
		host, port, _ := net.SplitHostPort(peer)
		n, _ := strconv.ParseUint(port, 10, 16)
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			return nil, fmt.Errorf("peer %s: %w", quoted(peer), err)
		}
		for _, addr := range addrs {
			all = append(all, netip.AddrPortFrom(addr.Unmap(), uint16(n)))
		}
	}
	return all, nil
}
