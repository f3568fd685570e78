package lsd

import (
	"net"
	"net/netip"
)

// maxLinks bounds the interfaces that are announced on, each family counted.
const maxLinks = 32

// A Link is an interface and an address family that is announced on.
type Link struct {
	Name  string // of the interface
	Index int
	Group netip.AddrPort
	// Source is what announces are sent from, and so where we are dialled.
	Source netip.Addr
	// Prefixes are the interface's networks: who is in none is not believed.
	Prefixes []netip.Prefix
}

// is6 reports whether a link is an IPv6 one.
func (l Link) is6() bool { return l.Group.Addr().Is6() }

// has reports whether an address is one of the link's networks.
func (l Link) has(a netip.Addr) bool {
	a = a.WithZone("")
	for _, p := range l.Prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// same reports whether two links would be opened alike.
func (l Link) same(m Link) bool {
	return l.Name == m.Name && l.Index == m.Index && l.Group == m.Group && l.Source == m.Source
}

// Links lists what to announce on where connections are taken at an address:
// all interfaces that are up and can multicast, and loopback; for a specific
// address the interface that has it. 0.0.0.0 leaves IPv6 out.
func Links(listen netip.Addr) ([]Link, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var out []Link
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || i.Flags&(net.FlagMulticast|net.FlagLoopback) == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue // it has just gone
		}
		for _, l := range linksOf(i, prefixes(addrs), listen.Unmap()) {
			if len(out) < maxLinks {
				out = append(out, l)
			}
		}
	}
	return out, nil
}

// linksOf are the links of one interface with these addresses and networks.
func linksOf(i net.Interface, nets []netip.Prefix, listen netip.Addr) (out []Link) {
	all := !listen.IsValid() || listen == netip.IPv6Unspecified()
	for _, group := range []netip.AddrPort{group4, group6} {
		l := Link{Name: i.Name, Index: i.Index, Group: group}
		own := false
		for _, p := range nets {
			if p.Addr().Is6() != l.is6() {
				continue
			}
			l.Prefixes = append(l.Prefixes, p.Masked())
			// The kernel would take another interface's address rather than
			// one of loopback.
			if !l.Source.IsValid() || l.Source.IsLinkLocalUnicast() {
				l.Source = p.Addr()
			}
			// All of 127.0.0.0/8 answers, not only what is configured.
			own = own || p.Addr() == listen.WithZone("") || listen.IsLoopback() && p.Contains(listen)
		}
		if l.Source.Is6() && l.Source.IsLinkLocalUnicast() {
			l.Source = l.Source.WithZone(i.Name)
		}
		switch {
		case len(l.Prefixes) == 0:
		case all, listen == netip.IPv4Unspecified() && !l.is6():
			out = append(out, l)
		case own && listen.Is6() == l.is6() && (listen.Zone() == "" || listen.Zone() == i.Name):
			l.Source = listen
			out = append(out, l)
		}
	}
	return out
}

// prefixes reads addresses of an interface as networks.
func prefixes(addrs []net.Addr) (out []netip.Prefix) {
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			ones, _ := n.Mask.Size()
			if ip, ok := netip.AddrFromSlice(n.IP); ok {
				out = append(out, netip.PrefixFrom(ip.Unmap(), ones))
			}
		}
	}
	return out
}
