package lsd

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/swarmtest"
)

// real starts a client on loopback with real sockets.
func real(t *testing.T, listen string, port uint16) *Client {
	t.Helper()
	links, err := Links(netip.MustParseAddr(listen))
	if err != nil || len(links) != 1 {
		t.Fatalf("%s: got %+v, %v, want one link", listen, links, err)
	}
	if i, err := net.InterfaceByIndex(links[0].Index); err != nil || i.Flags&net.FlagLoopback == 0 {
		t.Fatalf("%s is not on loopback: %v", listen, err)
	}
	c := New(Config{Port: port, Listen: netip.MustParseAddr(listen)})
	t.Cleanup(c.Close)
	return c
}

// TestLoopback has clients at addresses of loopback find one another through
// the kernel's multicast, all on one port.
func TestLoopback(t *testing.T) {
	for _, tt := range []struct{ a, b string }{{"127.0.0.2", "127.0.0.3"}, {"127.0.0.2", "127.0.0.2"}} {
		t.Run(tt.a+" "+tt.b, func(t *testing.T) {
			h := [20]byte{1, 2, 3, byte(time.Now().UnixNano()), byte(time.Now().UnixNano() >> 8)} // others may test, too
			a, b := real(t, tt.a, 1001), real(t, tt.b, 1002)
			atA, atB := make(chan netip.AddrPort, 10), make(chan netip.AddrPort, 10)
			a.Join(h, func(p netip.AddrPort) { atA <- p })
			a.Hurry(h)
			b.Join(h, func(p netip.AddrPort) { atB <- p })
			want := netip.AddrPortFrom(netip.MustParseAddr(tt.b), 1002)
			select {
			case got := <-atA:
				if got != want {
					t.Errorf("found %v, want %v", got, want)
				}
			case got := <-atB: // whoever announced second is found first
				if want := netip.AddrPortFrom(netip.MustParseAddr(tt.a), 1001); got != want {
					t.Errorf("found %v, want %v", got, want)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("found nobody")
			}
		})
	}
}

// TestUnicastIsNotHeard sends an announce to our address instead of the group.
func TestUnicastIsNotHeard(t *testing.T) {
	l, err := Links(netip.MustParseAddr("127.0.0.5"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := openLink(l[0])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	out, err := net.ListenPacket("udp4", "127.0.0.5:0")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := out.WriteTo([]byte("unicast"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(l[0].Source, Port))); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.WriteTo([]byte("multicast"), net.UDPAddrFromAddrPort(group4)); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 2000)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(buf[:n]); got == "unicast" {
			t.Fatal("what was sent to us alone is heard")
		} else if got == "multicast" && from.(*net.UDPAddr).IP.Equal(net.IPv4(127, 0, 0, 5)) {
			return
		} // others may test, too
	}
}

// network makes a second interface, and gives loopback the route for IPv6's
// group that Linux does not give it.
const network = `
ip link set lo up
ip link add p2pa type veth peer name p2pb
ip link set p2pa addrgenmode none
ip link set p2pb addrgenmode none
ip addr add 10.77.0.1/24 dev p2pa
ip addr add fd77::1/64 dev p2pa nodad
ip link set p2pa up
ip link set p2pb up
until ip -6 route show table local dev p2pa | grep -q ff00; do sleep 0.02; done
ip -6 route add local ff15::efc0:988f dev lo table local
exec "$@"`

// TestOtherInterfaces has a second interface on which somebody joined the
// groups: who listens on one hears nothing from the other. It runs itself in a
// network of its own.
func TestOtherInterfaces(t *testing.T) {
	const inside = "P2PFS_TEST_NETNS"
	if os.Getenv(inside) != "" {
		otherInterfaces(t)
		return
	}
	swarmtest.Need(t, "unshare", "ip")
	alone := "-n"
	if os.Getuid() != 0 {
		alone = "-rn"
	}
	if out, err := exec.Command("unshare", alone, "true").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no network namespaces, and CI is set: %v: %s", err, out)
		}
		t.Skipf("LEFT OUT: no network namespaces: %v: %s", err, out)
	}
	cmd := exec.Command("unshare", alone, "sh", "-ec", network, "sh", os.Args[0], "-test.run=^TestOtherInterfaces$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

func otherInterfaces(t *testing.T) {
	links, err := Links(netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.PacketConn
	for _, l := range links {
		conn, err := openLink(l)
		if err != nil {
			t.Fatalf("%+v: %v", l, err)
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	for i, from := range links {
		if _, err := conns[i].WriteTo([]byte(from.Name), net.UDPAddrFromAddrPort(from.Group)); err != nil {
			t.Fatalf("%+v: %v", from, err)
		}
	}
	if len(links) != 4 { // lo and the other, each with IPv4 and IPv6
		t.Errorf("got %+v, want 4", links)
	}
	buf := make([]byte, 2000)
	for i, l := range links {
		for want := 1; ; want-- {
			conns[i].SetReadDeadline(time.Now().Add(300 * time.Millisecond))
			n, from, err := conns[i].ReadFrom(buf)
			if err != nil {
				if want != 0 {
					t.Errorf("%s %v: heard nothing of its own: %v", l.Name, l.Group, err)
				}
				break
			}
			source, _ := netip.ParseAddrPort(from.String())
			if string(buf[:n]) != l.Name || !l.has(source.Addr()) || want == 0 {
				t.Errorf("%s %v: heard %q from %v", l.Name, l.Group, buf[:n], from)
			}
		}
	}
}
