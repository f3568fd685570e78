package lsd

import (
	"errors"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// socket is two UDP sockets as one: one that is bound to the group, so that
// nothing else comes in, and one that sends from where we take connections.
type socket struct {
	net.PacketConn // in
	out            net.PacketConn
}

// WriteTo sends to the group.
func (s *socket) WriteTo(p []byte, to net.Addr) (int, error) { return s.out.WriteTo(p, to) }

// Close closes both.
func (s *socket) Close() error { return errors.Join(s.PacketConn.Close(), s.out.Close()) }

// openLink opens the sockets of a link. Other programs, and other sockets of
// ours, may have the port too: each hears everything.
func openLink(l Link) (net.PacketConn, error) {
	in, err := listen(l, l.Group, joinGroup)
	if err != nil {
		return nil, err
	}
	out, err := listen(l, netip.AddrPortFrom(l.Source, 0), sendTo)
	if err != nil {
		in.Close()
		return nil, err
	}
	return &socket{in, out}, nil
}

// listen opens a UDP socket at an address after set has made its settings. It
// does not leave that to net, which would bind to all addresses in place of a
// group's and so let in what anybody sends us alone.
func listen(l Link, at netip.AddrPort, set func(fd int, l Link) error) (net.PacketConn, error) {
	family, addr := unix.AF_INET, unix.Sockaddr(nil)
	if l.is6() {
		family, addr = unix.AF_INET6, &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16(), ZoneId: zone(l, at)}
	} else {
		addr = &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "udp")
	defer f.Close() // the connection has a copy
	if err := set(fd, l); err != nil {
		return nil, os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Bind(fd, addr); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	return net.FilePacketConn(f)
}

// zone is the interface that a link-local address belongs to.
func zone(l Link, at netip.AddrPort) uint32 {
	if at.Addr().IsLinkLocalUnicast() {
		return uint32(l.Index)
	}
	return 0
}

// joinGroup sets up the socket that receives.
func joinGroup(fd int, l Link) error {
	// Programs that have the port set one or the other.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	// A group that anybody on this machine has joined, on any interface, is
	// heard by every socket unless this is said. IP_MULTICAST_ALL has no twin
	// for IPv6 that looks at the interface, hence the device; kernels before
	// 5.7 bind to one for root only, and there Prefixes have to do.
	_ = unix.BindToDevice(fd, l.Name)
	if l.is6() {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return err
		}
		return unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, &unix.IPv6Mreq{
			Multiaddr: l.Group.Addr().As16(), Interface: uint32(l.Index),
		})
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0); err != nil {
		return err
	}
	return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreqn{
		Multiaddr: l.Group.Addr().As4(), Ifindex: int32(l.Index),
	})
}

// sendTo sets up the socket that sends: one hop, out of that interface, heard
// on this machine too.
func sendTo(fd int, l Link) error {
	options := []struct{ level, name, value int }{
		{unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, 1}, {unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 1},
	}
	if l.is6() {
		options = []struct{ level, name, value int }{
			{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 1}, {unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, l.Index},
		}
	} else if err := unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(l.Index)}); err != nil {
		return err
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return err
		}
	}
	return nil
}
