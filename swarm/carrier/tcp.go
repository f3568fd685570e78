// Package carrier makes the connections that swarms run over: plain TCP.
//
// Whoever uses it declares what a carrier is to do; others than TCP also encrypt, and
// prove something of a connection (Identity). It knows no protocol above bytes, and
// bounds nothing but how long a dial takes.
package carrier

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"
)

const (
	// firstPort is where the search for a free port begins.
	firstPort = 6881
	// dialTimeout bounds the making of a connection.
	dialTimeout = 8 * time.Second
)

// Identity is what the carrier of a connection proves of it: bytes that both ends have
// and nobody in between, to be bound to what they say of themselves. Nil for TCP, which
// proves nothing.
func Identity(c net.Conn) []byte {
	if p, ok := c.(interface{ Identity() []byte }); ok {
		return p.Identity()
	}
	return nil
}

// TCP carries connections over TCP. Safe for concurrent use.
type TCP struct {
	ln    net.Listener
	local netip.Addr // what is dialled from; invalid: any
}

// ListenTCP listens at ADDR:PORT: an empty port takes the first free one from 6881 up,
// port 0 any. With a specific address, what is dialled leaves from it too.
func ListenTCP(addr string) (*TCP, error) {
	ln, err := listen(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	t := &TCP{ln: ln}
	if a := t.Addr().Addr(); !a.IsUnspecified() {
		t.local = a
	}
	return t, nil
}

func listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = addr, ""
	}
	if port != "" {
		return net.Listen("tcp", net.JoinHostPort(host, port))
	}
	var last error
	for p := firstPort; p < firstPort+100; p++ {
		ln, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(p)))
		if err == nil {
			return ln, nil
		}
		last = err
	}
	return nil, last
}

// Addr is the address that is listened on.
func (t *TCP) Addr() netip.AddrPort {
	a := t.ln.Addr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// Dial connects to an address, within 8 s.
func (t *TCP) Dial(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: time.Minute}
	if t.local.IsValid() && t.local.Is4() == a.Addr().Unmap().Is4() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(t.local, 0))
	}
	return d.DialContext(ctx, "tcp", a.String())
}

// Accept waits for a connection that comes in, or Close.
func (t *TCP) Accept() (net.Conn, error) { return t.ln.Accept() }

// Close ends listening.
func (t *TCP) Close() error { return t.ln.Close() }
