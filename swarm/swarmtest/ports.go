package swarmtest

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
)

// hosts counts the addresses given out by this process.
var hosts atomic.Uint32

// Host returns an address of 127.0.0.0/8 that no other caller has got in
// this process, and most likely none in other test processes: programs under
// test take several clients on one address for one.
func Host() netip.Addr {
	n := hosts.Add(1)
	return netip.AddrFrom4([4]byte{127, byte(1 + os.Getpid()%254), byte(n / 254), byte(1 + n%254)})
}

// FreePorts returns the first of n consecutive ports that were free on host a
// moment ago, for TCP and UDP, as the kernel chose.
func FreePorts(t testing.TB, host netip.Addr, n int) uint16 {
	t.Helper()
	for range 100 {
		ln, err := net.Listen("tcp", netip.AddrPortFrom(host, 0).String())
		if err != nil {
			t.Fatalf("swarmtest: %v", err)
		}
		first := ln.Addr().(*net.TCPAddr).Port
		ln.Close()
		if err := tryPorts(host, first, n); err == nil {
			return uint16(first)
		}
	}
	t.Fatalf("swarmtest: no %d free ports on %v", n, host)
	return 0
}

// tryPorts binds each port once.
func tryPorts(host netip.Addr, first, n int) error {
	for port := first; port < first+n; port++ {
		if port > 65535 {
			return fmt.Errorf("port %d", port)
		}
		addr := netip.AddrPortFrom(host, uint16(port)).String()
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		ln.Close()
		pc, err := net.ListenPacket("udp", addr)
		if err != nil {
			return err
		}
		pc.Close()
	}
	return nil
}
