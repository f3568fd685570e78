package lsd

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestLinksOf(t *testing.T) {
	nets := func(list ...string) (out []netip.Prefix) {
		for _, s := range list {
			out = append(out, netip.MustParsePrefix(s))
		}
		return out
	}
	lo := nets("127.0.0.1/8", "::1/128")
	eth := nets("192.168.7.5/24", "10.9.9.9/8", "fd00::5/64", "fe80::5/64")
	for _, tt := range []struct {
		name   string
		nets   []netip.Prefix
		listen string
		want   string // sources
	}{
		{"lo", lo, "", "127.0.0.1 ::1"},
		{"lo", lo, "::", "127.0.0.1 ::1"},
		{"lo", lo, "0.0.0.0", "127.0.0.1"},
		{"lo", lo, "127.0.0.2", "127.0.0.2"},
		{"lo", lo, "::ffff:127.0.0.2", "127.0.0.2"},
		{"lo", lo, "::1", "::1"},
		{"lo", lo, "192.168.7.5", ""},
		{"eth0", eth, "", "192.168.7.5 fd00::5"},
		{"eth0", eth, "0.0.0.0", "192.168.7.5"},
		{"eth0", eth, "192.168.7.5", "192.168.7.5"},
		{"eth0", eth, "10.9.9.9", "10.9.9.9"},
		{"eth0", eth, "192.168.7.6", ""},
		{"eth0", eth, "127.0.0.1", ""},
		{"eth0", eth, "fd00::5", "fd00::5"},
		{"eth0", eth, "fe80::5%eth0", "fe80::5%eth0"},
		{"eth0", eth, "fe80::5%eth1", ""},
		{"tun0", nil, "", ""},
		{"v4", nets("10.0.0.1/8"), "", "10.0.0.1"},
		{"v6", nets("fd00::5/64"), "", "fd00::5"},
		{"v6", nets("fe80::5/64", "fd00::5/64"), "", "fd00::5"},
		{"v6", nets("fe80::5/64"), "", "fe80::5%v6"},
	} {
		var listen netip.Addr
		if tt.listen != "" {
			listen = netip.MustParseAddr(tt.listen)
		}
		var got []string
		for _, l := range linksOf(net.Interface{Name: tt.name, Index: 3}, tt.nets, listen.Unmap()) {
			got = append(got, l.Source.String())
			if l.Name != tt.name || l.Index != 3 || l.Group.Addr().Is6() != l.Source.Is6() || len(l.Prefixes) == 0 {
				t.Errorf("%s at %q: got %+v", tt.name, tt.listen, l)
			}
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s at %q: got %q, want %q", tt.name, tt.listen, s, tt.want)
		}
	}
}

func TestLinkHas(t *testing.T) {
	l := Link{Prefixes: []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24"), netip.MustParsePrefix("fe80::/64")}}
	for addr, want := range map[string]bool{"192.168.7.200": true, "192.168.8.1": false, "fe80::9%eth0": true, "fe81::9": false} {
		if got := l.has(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: got %t, want %t", addr, got, want)
		}
	}
}

// TestLinksHere looks at this machine: 127.0.0.2 is loopback's.
func TestLinksHere(t *testing.T) {
	links, err := Links(netip.MustParseAddr("127.0.0.2"))
	if err != nil || len(links) != 1 || !links[0].has(netip.MustParseAddr("127.7.7.7")) {
		t.Fatalf("got %+v, %v, want loopback alone", links, err)
	}
	if i, err := net.InterfaceByIndex(links[0].Index); err != nil || i.Flags&net.FlagLoopback == 0 {
		t.Errorf("%s is not loopback, %v", links[0].Name, err)
	}
	all, err := Links(netip.Addr{})
	if err != nil || !slices.ContainsFunc(all, func(l Link) bool { return l.Name == links[0].Name }) {
		t.Errorf("got %+v, %v, want loopback among all", all, err)
	}
}

func TestPrefixes(t *testing.T) {
	_, four, _ := net.ParseCIDR("10.1.2.3/8")
	four.IP = net.ParseIP("10.1.2.3") // in its 16-byte form, as interfaces have it
	got := prefixes([]net.Addr{four, &net.IPAddr{IP: net.IPv6loopback}, &net.IPNet{}})
	if len(got) != 1 || got[0] != netip.MustParsePrefix("10.1.2.3/8") {
		t.Errorf("got %v", got)
	}
}
