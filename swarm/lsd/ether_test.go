package lsd

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// ether is a network without a kernel: what one member sends, all hear.
type ether struct {
	mu      sync.Mutex
	members []*card
	log     []string // of what was sent
}

// card is one member's socket.
type card struct {
	e      *ether
	addr   netip.AddrPort
	in     chan packet
	closed chan struct{}
	once   sync.Once
}

type packet struct {
	data []byte
	from net.Addr
}

// plug opens a socket for a link.
func (e *ether) plug(l Link) (net.PacketConn, error) {
	c := &card{e: e, addr: netip.AddrPortFrom(l.Source, 6771), in: make(chan packet, 1000), closed: make(chan struct{})}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.members = append(e.members, c)
	return c, nil
}

// send has all hear a datagram.
func (e *ether) send(p []byte, from netip.AddrPort) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.log = append(e.log, string(p))
	for _, m := range e.members {
		select {
		case m.in <- packet{slices.Clone(p), net.UDPAddrFromAddrPort(from)}:
		default:
		}
	}
}

func (e *ether) sent() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.log)
}

func (e *ether) sockets() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.members)
}

func (c *card) WriteTo(p []byte, _ net.Addr) (int, error) {
	c.e.send(p, c.addr)
	return len(p), nil
}

func (c *card) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case q := <-c.in:
		return copy(p, q.data), q.from, nil
	case <-c.closed:
		return 0, nil, net.ErrClosed
	}
}

func (c *card) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.e.mu.Lock()
		defer c.e.mu.Unlock()
		c.e.members = slices.DeleteFunc(c.e.members, func(m *card) bool { return m == c })
	})
	return nil
}

func (c *card) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(c.addr) }
func (c *card) SetDeadline(time.Time) error      { return nil }
func (c *card) SetReadDeadline(time.Time) error  { return nil }
func (c *card) SetWriteDeadline(time.Time) error { return nil }

// link is the ether as an interface, with an address in it.
func link(name, addr string) Link {
	return Link{Name: name, Index: 1, Group: group4, Source: netip.MustParseAddr(addr), Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
}

// peers gathers what was found.
type peers struct {
	mu   sync.Mutex
	list []netip.AddrPort
}

func (p *peers) found(a netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, a)
}

func (p *peers) take() (out []netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out, p.list = p.list, nil
	return out
}
