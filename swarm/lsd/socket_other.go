//go:build !linux

package lsd

import "net"

// openLink opens a socket for a link with what the standard library has. It
// sends from an address of the interface that the system chooses, and what is
// sent is not heard on this machine.
func openLink(l Link) (net.PacketConn, error) {
	i, err := net.InterfaceByIndex(l.Index)
	if err != nil {
		return nil, err
	}
	network := "udp4"
	if l.is6() {
		network = "udp6"
	}
	return net.ListenMulticastUDP(network, i, net.UDPAddrFromAddrPort(l.Group))
}
