package trackertest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Network is a net of UDP sockets in memory. Its packets take no time, so that
// in a testing/synctest bubble the clock moves only by what a test waits for.
// There is one of each address, and a socket bound to none sends from 127.0.0.1
// or ::1.
type Network struct {
	mu      sync.Mutex // guards what follows
	sockets map[netip.AddrPort]*socket
	port    uint16
	fault   func(from, to netip.AddrPort, p []byte) error
}

// NewNetwork returns an empty Network.
func NewNetwork() *Network {
	return &Network{sockets: make(map[netip.AddrPort]*socket), port: 50000}
}

// ErrLost, returned by a fault, loses the packet without telling the sender.
var ErrLost = errors.New("packet lost")

// Fault sets what is asked about every packet: an error other than ErrLost is
// what the sender's WriteTo returns. It must not wait.
func (n *Network) Fault(f func(from, to netip.AddrPort, p []byte) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fault = f
}

// ListenPacket opens a socket, as net.ListenPacket does for udp, udp4 and udp6.
// The host is an IP address.
func (n *Network) ListenPacket(network, address string) (net.PacketConn, error) {
	if strings.HasPrefix(address, ":") {
		address = "[::]" + address
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "udp") {
		return nil, &net.OpError{Op: "listen", Net: network, Err: fmt.Errorf("address %q", address)}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if at.Port() == 0 {
		n.port++
		at = netip.AddrPortFrom(at.Addr(), n.port)
	}
	if n.sockets[at] != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	s := &socket{net: n, at: at, in: make(chan datagram, 1024), closed: make(chan struct{})}
	n.sockets[at] = s
	return s, nil
}

// find returns the socket that gets what is sent to an address, nil if none.
func (n *Network) find(to netip.AddrPort) *socket {
	any4, any6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	tries := []netip.Addr{to.Addr(), any6}
	if to.Addr().Is4() {
		tries = []netip.Addr{to.Addr(), any4, any6}
	}
	for _, a := range tries {
		if s := n.sockets[netip.AddrPortFrom(a, to.Port())]; s != nil {
			return s
		}
	}
	return nil
}

// deliver carries a packet. One for which there is no socket, or no room, is lost.
func (n *Network) deliver(from, to netip.AddrPort, p []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fault != nil {
		if err := n.fault(from, to, p); err == ErrLost {
			return nil
		} else if err != nil {
			return err
		}
	}
	if s := n.find(to); s != nil {
		select {
		case s.in <- datagram{from, slices.Clone(p)}:
		default:
		}
	}
	return nil
}

type datagram struct {
	from netip.AddrPort
	p    []byte
}

// A socket is a net.PacketConn of a Network. Deadlines are not kept.
type socket struct {
	net    *Network
	at     netip.AddrPort
	in     chan datagram
	once   sync.Once
	closed chan struct{}
}

func (s *socket) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case <-s.closed:
		return 0, nil, net.ErrClosed
	default:
	}
	select {
	case d := <-s.in:
		return copy(p, d.p), net.UDPAddrFromAddrPort(d.from), nil
	case <-s.closed:
		return 0, nil, net.ErrClosed
	}
}

func (s *socket) WriteTo(p []byte, to net.Addr) (int, error) {
	select {
	case <-s.closed:
		return 0, net.ErrClosed
	default:
	}
	dst, from := addrPort(to), s.at
	if from.Addr().IsUnspecified() {
		self := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if dst.Addr().Is6() {
			self = netip.IPv6Loopback()
		}
		from = netip.AddrPortFrom(self, from.Port())
	}
	if err := s.net.deliver(from, dst, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *socket) Close() error {
	s.once.Do(func() {
		s.net.mu.Lock()
		delete(s.net.sockets, s.at)
		s.net.mu.Unlock()
		close(s.closed)
	})
	return nil
}

func (s *socket) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(s.at) }
func (s *socket) SetDeadline(time.Time) error      { return nil }
func (s *socket) SetReadDeadline(time.Time) error  { return nil }
func (s *socket) SetWriteDeadline(time.Time) error { return nil }
