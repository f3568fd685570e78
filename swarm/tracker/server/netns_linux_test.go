package server_test

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"p2pfs/swarm/tracker"
	"p2pfs/swarm/tracker/server"
)

const inNamespace = "P2PFS_TEST_IN_NAMESPACE"

// namespaced runs the calling test again, as a process in a network namespace of
// its own, whose only interface has loopback's addresses and those of two hosts
// elsewhere. It reports whether this is that process.
func namespaced(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inNamespace) != "" {
		setAddresses(t)
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil && strings.Contains(string(out), "--- PASS"):
	case cmd.ProcessState != nil:
		t.Errorf("in a network namespace: %v\n%s", err, out)
	case os.Getenv("CI") != "":
		t.Fatalf("no network namespace can be made here: %v", err)
	default:
		t.Skipf("SKIPPED, NOT TESTED: no network namespace can be made here: %v", err)
	}
	return false
}

// setAddresses gives lo the addresses of the test.
func setAddresses(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for name, addr := range map[string]string{"lo": "127.0.0.1", "lo:2": "10.77.0.2", "lo:3": "10.77.0.3", "lo:4": "10.77.0.4"} {
		req, err := unix.NewIfreq(name)
		if err != nil {
			t.Fatal(err)
		}
		a := netip.MustParseAddr(addr).As4()
		if err := req.SetInet4Addr(a[:]); err != nil {
			t.Fatal(err)
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCSIFADDR, req); err != nil {
			t.Fatalf("%s %s: %v", name, addr, err)
		}
	}
	req, _ := unix.NewIfreq("lo")
	req.SetUint16(unix.IFF_UP | unix.IFF_LOOPBACK | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req); err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{"fd77::2", "fd77::3"} {
		setAddress6(t, addr)
	}
}

// setAddress6 adds an IPv6 address to lo.
func setAddress6(t *testing.T, addr string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	req := struct { // struct in6_ifreq
		addr   [16]byte
		prefix uint32
		index  int32
	}{netip.MustParseAddr(addr).As16(), 128, int32(lo.Index)}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFADDR, uintptr(unsafe.Pointer(&req))); errno != 0 {
		t.Fatalf("%s: %v", addr, errno)
	}
}

// TestLoopbackPeerGivenElsewhere: DESIGN's rule for the embedded tracker, with
// packets. The tracker's machine is 10.77.0.2, 10.77.0.4 and fd77::2; askers come
// from 10.77.0.3 and fd77::3.
func TestLoopbackPeerGivenElsewhere(t *testing.T) {
	if !namespaced(t) {
		return
	}
	for _, c := range []struct {
		name, addr         string
		peer, peerAt       string // who announces, where
		asker, askerAt     string
		want               string
		wantBack, backFrom string // what the peer is told about the asker, asking again
	}{
		{"all addresses", ":0", "127.0.0.5", "127.0.0.1", "10.77.0.3", "10.77.0.2", "10.77.0.2:7001", "10.77.0.3:7002", "127.0.0.1"},
		{"another of them", ":0", "127.0.0.5", "127.0.0.1", "10.77.0.3", "10.77.0.4", "10.77.0.4:7001", "10.77.0.3:7002", "127.0.0.1"},
		{"all of IPv4", "0.0.0.0:0", "127.0.0.5", "127.0.0.1", "10.77.0.3", "10.77.0.4", "10.77.0.4:7001", "10.77.0.3:7002", "127.0.0.1"},
		{"IPv6", ":0", "::1", "::1", "fd77::3", "fd77::2", "[fd77::2]:7001", "[fd77::3]:7002", "::1"},
		{"all of IPv6", "[::]:0", "::1", "::1", "fd77::3", "fd77::2", "[fd77::2]:7001", "[fd77::3]:7002", "::1"},
		{"one address", "10.77.0.2:0", "10.77.0.2", "10.77.0.2", "10.77.0.3", "10.77.0.2", "10.77.0.2:7001", "10.77.0.3:7002", "10.77.0.2"},
		{"loopback only", "127.0.0.1:0", "127.0.0.5", "127.0.0.1", "127.0.0.6", "127.0.0.1", "127.0.0.5:7001", "127.0.0.6:7002", "127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, url := start(t, server.Config{Addr: c.addr})
			port := netip.MustParseAddrPort(strings.TrimPrefix(url, "udp://")).Port()
			at := func(host string) string {
				return "udp://" + netip.AddrPortFrom(netip.MustParseAddr(host), port).String()
			}
			ih := [20]byte{1}
			announce(t, client(t, c.peer), at(c.peerAt), tracker.Request{InfoHash: ih, Port: 7001})
			got := announce(t, client(t, c.asker), at(c.askerAt), tracker.Request{InfoHash: ih, Port: 7002})
			if len(got.Peers) != 1 || got.Peers[0].String() != c.want {
				t.Errorf("the asker is told %v, want %s", got.Peers, c.want)
			}
			got = announce(t, client(t, c.peer), at(c.backFrom), tracker.Request{InfoHash: ih, Port: 7001})
			if len(got.Peers) != 1 || got.Peers[0].String() != c.wantBack {
				t.Errorf("the peer is told %v, want %s", got.Peers, c.wantBack)
			}
		})
	}
}
