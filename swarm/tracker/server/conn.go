package server

import (
	"net"
	"net/netip"
)

// A conn reads and writes packets with their routes. It may be used by several
// goroutines at once.
type conn interface {
	read(p []byte) (int, route, error)
	write(p []byte, r route) error
}

// newConn finds the best conn for a socket: one bound to no address tells where
// each packet arrived, where the system can do that.
func newConn(pc net.PacketConn) conn {
	local := localAddr(pc)
	udp, ok := pc.(*net.UDPConn)
	if ok && local.Addr().IsUnspecified() {
		if c := newInfoConn(udp, local.Port()); c != nil {
			return c
		}
	}
	if local.Addr().IsUnspecified() {
		local = netip.AddrPortFrom(netip.Addr{}, local.Port())
	}
	return plainConn{pc, local}
}

// localAddr is where pc is bound, IPv4-mapped addresses as IPv4.
func localAddr(pc net.PacketConn) netip.AddrPort {
	u, ok := pc.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := u.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// plainConn is a socket bound to one address, or one that tells nothing.
type plainConn struct {
	net.PacketConn
	local netip.AddrPort
}

func (c plainConn) read(p []byte) (int, route, error) {
	r := route{to: c.local.Addr(), port: c.local.Port()}
	if udp, ok := c.PacketConn.(*net.UDPConn); ok {
		n, from, err := udp.ReadFromUDPAddrPort(p)
		r.from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		return n, r, err
	}
	n, from, err := c.ReadFrom(p)
	if u, ok := from.(*net.UDPAddr); ok {
		ap := u.AddrPort()
		r.from = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return n, r, err
}

func (c plainConn) write(p []byte, r route) error {
	if udp, ok := c.PacketConn.(*net.UDPConn); ok {
		_, err := udp.WriteToUDPAddrPort(p, r.from)
		return err
	}
	_, err := c.WriteTo(p, net.UDPAddrFromAddrPort(r.from))
	return err
}
