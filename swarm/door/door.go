// Package door lets connections in: it reads the first handshake of each (BEP 3),
// within the bound on those that have yet to say who they are (netgroup.HalfOpen),
// whatever they come for. It does not know torrents or drives.
package door

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/wire"
)

// HandshakeTimeout bounds the whole handshake.
const HandshakeTimeout = 10 * time.Second

// An Acceptor waits for connections: a carrier.
type Acceptor interface{ Accept() (net.Conn, error) }

// A Door is where connections come in. Its fields are set before Run.
type Door struct {
	Acceptor Acceptor
	Guard    *guard.Guard
	Log      *slog.Logger
	// Take takes over a connection whose handshake was read, until which it has its
	// place: it gives that back when it is known who came, or returns then. After an
	// error the connection is closed.
	Take func(ctx context.Context, conn net.Conn, hs wire.Handshake, place *netgroup.Place) error
	half netgroup.HalfOpen
	wg   sync.WaitGroup
}

// HalfOpen is how many have yet to say who they are.
func (d *Door) HalfOpen() int { return d.half.Len() }

// Run takes incoming connections until ctx ends and the carrier is closed, and returns
// when all have been taken over.
func (d *Door) Run(ctx context.Context) {
	defer d.wg.Wait()
	for {
		conn, err := d.Acceptor.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			d.Log.Warn("accept", "err", err) // out of descriptors, mostly
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return
			}
			continue
		}
		place := d.half.Enter(Remote(conn).Addr(), func() { conn.Close() })
		d.wg.Go(func() {
			defer place.Leave()
			var err error
			if panicked := d.Guard.Do(func() { err = d.greet(ctx, conn, place) }); panicked != nil {
				err = panicked
			}
			if err != nil {
				conn.Close()
				d.Log.Debug("incoming peer refused", "peer", conn.RemoteAddr(), "err", err)
			}
		})
	}
}

// Remote is the other end of a connection; zero where it has no address.
func Remote(conn net.Conn) netip.AddrPort {
	addr, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
}

// ErrCrowded is a connection that made room for others before it said anything.
var ErrCrowded = errors.New("too many connections without a handshake")

// greet reads the handshake of an incoming peer and hands both on.
func (d *Door) greet(ctx context.Context, conn net.Conn, place *netgroup.Place) error {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn.SetDeadline(time.Now().Add(HandshakeTimeout))
	hs, err := ReadHandshake(conn)
	if err != nil {
		return err
	}
	return d.Take(ctx, conn, hs, place)
}

// ReadHandshake reads a handshake; the caller has set the deadline. A first
// byte that is not BitTorrent's ends it at once.
func ReadHandshake(conn net.Conn) (wire.Handshake, error) {
	var buf [wire.HandshakeLen]byte
	for n := 0; n < len(buf); {
		k, err := conn.Read(buf[n:])
		n += k
		if n > 0 && !wire.IsHandshake(buf[:n]) {
			return wire.Handshake{}, wire.ErrNotBitTorrent
		}
		if err != nil && n < len(buf) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return wire.Handshake{}, fmt.Errorf("handshake: %w", err)
		}
	}
	return wire.ParseHandshake(buf[:])
}
