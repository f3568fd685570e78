package server

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"testing"
)

func TestEndpoint(t *testing.T) {
	for _, c := range []struct {
		addr          string
		is4, loopback bool
	}{
		{"127.0.0.1:1", true, true}, {"127.255.0.9:1", true, true}, {"128.0.0.1:1", true, false},
		{"[::1]:1", false, true}, {"[::2]:1", false, false}, {"[::]:1", false, false},
		{"[2001:db8::1]:1", false, false}, {"[::ffff:127.0.0.1]:1", true, true}, {"[::ffff:10.0.0.1]:1", true, false},
	} {
		e := at(c.addr)
		if e.is4() != c.is4 || e.loopback() != c.loopback {
			t.Errorf("%s: IPv4 %v, loopback %v", c.addr, e.is4(), e.loopback())
		}
	}
	groups := [][2]string{{"10.0.0.1:1", "10.0.0.1:2"}, {"[2001:db8::1]:1", "[2001:db8::ffff:0:0:1]:1"}}
	for _, g := range groups {
		a, b := at(g[0]), at(g[1])
		if a.group() != b.group() {
			t.Errorf("%s and %s are not one group", g[0], g[1])
		}
	}
	others := []string{"10.0.0.1:1", "10.0.0.2:1", "[2001:db8::1]:1", "[2001:db8:0:1::1]:1", "[::1]:1"}
	for i, a := range others {
		for _, b := range others[:i] {
			if x, y := at(a), at(b); x.group() == y.group() {
				t.Errorf("%s and %s are one group", a, b)
			}
		}
	}
}

// TestAppendPeer: who is given which address.
func TestAppendPeer(t *testing.T) {
	for _, c := range []struct{ what, peer, from, to, want string }{
		{"both elsewhere", "10.0.0.9:6881", "10.0.0.2:1", "10.0.0.1", "0a0000091ae1"},
		{"both on loopback", "127.0.0.9:6881", "127.0.0.2:1", "127.0.0.1", "7f0000091ae1"},
		{"peer on loopback, asker elsewhere", "127.0.0.9:6881", "10.0.0.2:1", "10.0.0.1", "0a0000011ae1"},
		{"peer elsewhere, asker on loopback", "10.0.0.9:6881", "127.0.0.2:1", "127.0.0.1", "0a0000091ae1"},
		{"asker is another address of this machine", "127.0.0.1:6881", "10.0.0.1:1", "10.0.0.1", "0a0000011ae1"},
		{"arrival unknown", "127.0.0.9:6881", "10.0.0.2:1", "", ""},
		{"asker on this machine, by way of loopback", "127.0.0.9:6881", "10.0.0.2:1", "127.0.0.1", "7f0000091ae1"},
		{"IPv6, both elsewhere", "[2001:db8::9]:6881", "[2001:db8::2]:1", "2001:db8::1", "20010db80000000000000000000000091ae1"},
		{"IPv6, peer on loopback", "[::1]:6881", "[2001:db8::2]:1", "2001:db8::1", "20010db80000000000000000000000011ae1"},
		{"IPv6, asker with a link-local address", "[::1]:6881", "[fe80::2]:1", "fe80::1", "fe8000000000000000000000000000011ae1"},
	} {
		r := route{from: netip.MustParseAddrPort(c.from)}
		r.to, _ = netip.ParseAddr(c.to)
		if got := hex.EncodeToString(appendPeer(nil, at(c.peer), r)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
}

func TestPick(t *testing.T) {
	var peers []peer
	for i := range 100 {
		peers = append(peers, peer{at: endpointOf(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 1), seed: i < 60})
	}
	var k picker
	for _, c := range []struct {
		asker int
		seed  bool
		want  int
		n     int // peers in the answer
		seeds int // of them, -1: any number
	}{
		{99, false, 200, 99, 60}, // all but itself
		{99, false, 10, 10, -1},
		{99, false, 0, 0, 0},
		{0, true, 200, 99, 59},
		{0, true, 40, 40, 0}, // leechers only
		{0, true, 50, 50, 10},
		{0, true, 1, 1, 0},
	} {
		got := k.pick(peers, announced{self: peers[c.asker].at, seed: c.seed}, c.want)
		seeds := 0
		for _, i := range got {
			if peers[i].seed {
				seeds++
			}
			if int(i) == c.asker {
				t.Errorf("%+v: the asker itself", c)
			}
		}
		slices.Sort(got)
		if len(got) != c.n || c.seeds >= 0 && seeds != c.seeds || len(slices.Compact(got)) != c.n {
			t.Errorf("%+v: %d peers, %d seeds", c, len(got), seeds)
		}
	}
	if got := k.pick(nil, announced{}, 5); len(got) != 0 {
		t.Errorf("of nobody: %v", got)
	}
}

// TestPickFair draws many times: everyone is drawn about equally often.
func TestPickFair(t *testing.T) {
	peers := make([]peer, 50)
	for i := range peers {
		peers[i].at = endpointOf(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 1)
	}
	var k picker
	drawn := make([]int, len(peers))
	for range 10000 {
		for _, i := range k.pick(peers, announced{}, 5) {
			drawn[i]++
		}
	}
	for i, n := range drawn {
		if n < 800 || n > 1200 {
			t.Errorf("peer %d drawn %d times, want about 1000", i, n)
		}
	}
}
