package netgroup

import (
	"net/netip"
	"testing"
)

func TestOf(t *testing.T) {
	for _, c := range []struct{ addr, group string }{
		{"127.0.0.1", "127.0.0.1/32"},
		{"127.9.0.1", "127.9.0.1/32"},
		{"10.1.2.3", "10.1.2.3/32"},
		{"172.16.0.9", "172.16.0.9/32"},
		{"192.168.1.7", "192.168.1.7/32"},
		{"169.254.3.4", "169.254.3.4/32"},
		{"100.64.0.1", "100.64.0.1/32"},
		{"100.127.255.255", "100.127.255.255/32"},
		{"100.128.0.1", "100.128.0.0/24"},
		{"203.0.113.77", "203.0.113.0/24"},
		{"::ffff:203.0.113.77", "203.0.113.0/24"},
		{"::ffff:10.0.0.1", "10.0.0.1/32"},
		{"::1", "::1/128"},
		{"fe80::1%eth0", "fe80::1/128"},
		{"fd00::5", "fd00::5/128"},
		{"2001:db8:1:2:3::4", "2001:db8:1:2::/64"},
	} {
		if got := Of(netip.MustParseAddr(c.addr)); got.String() != c.group {
			t.Errorf("Of(%s) = %v, want %s", c.addr, got, c.group)
		}
	}
	if got := Of(netip.Addr{}); got != (netip.Prefix{}) {
		t.Errorf("Of of no address = %v", got)
	}
}

func TestMayTell(t *testing.T) {
	for _, c := range []struct {
		teller, told string
		want         bool
	}{
		{"127.0.0.1", "127.0.0.1:6881", true},
		{"::1", "127.0.0.1:6881", true},
		{"127.0.0.1", "10.0.0.1:6881", true},
		{"192.168.1.2", "127.0.0.1:6881", false},
		{"192.168.1.2", "192.168.1.3:6881", true},
		{"192.168.1.2", "10.0.0.3:6881", true},
		{"100.64.1.2", "10.0.0.3:6881", true},
		{"fe80::2", "fd00::3", false}, // no port
		{"fe80::2%eth0", "[fd00::3]:6881", true},
		{"203.0.113.1", "192.168.1.3:6881", false},
		{"203.0.113.1", "100.64.1.3:6881", false},
		{"203.0.113.1", "[fe80::1]:6881", false},
		{"203.0.113.1", "127.0.0.1:6881", false},
		{"203.0.113.1", "[::ffff:127.0.0.1]:6881", false},
		{"203.0.113.1", "[::ffff:10.0.0.1]:6881", false},
		{"203.0.113.1", "198.51.100.1:6881", true},
		{"203.0.113.1", "198.51.100.1:1023", false},
		{"203.0.113.1", "198.51.100.1:1024", true},
		{"127.0.0.1", "127.0.0.1:22", false},
		{"203.0.113.1", "0.0.0.0:6881", false},
		{"203.0.113.1", "224.0.0.1:6881", false},
		{"203.0.113.1", "255.255.255.255:6881", false},
		{"203.0.113.1", "198.51.100.1:0", false},
	} {
		told, _ := netip.ParseAddrPort(c.told)
		if got := MayTell(netip.MustParseAddr(c.teller), told); got != c.want {
			t.Errorf("MayTell(%s, %s) = %v, want %v", c.teller, c.told, got, c.want)
		}
	}
	if !MayTell(netip.Addr{}, netip.MustParseAddrPort("127.0.0.1:6881")) {
		t.Error("a teller without an address is not taken to be on this machine")
	}
}
