package drive

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/wire"
)

// nonceKey is the key of the extended handshake under which the nonce stands.
const nonceKey = "p2pfs_nonce"

// helloDomain keeps hello's signatures apart from all others.
const helloDomain = "p2pfs hello 1"

type nonce [32]byte

// greeter makes the handshakes of a drive. Immutable.
type greeter struct {
	rendezvous catalog.Salt
	peerID     [20]byte
	id         *catalog.Identity
	name       string
	port       uint16
}

// greet makes a connection known: after it, key, name and listen are who signed
// for them. hs is the handshake that came with a connection to us; nil if we
// dialled. With probe set we stay unknown ourselves: the other side then sees
// a handshake that was given up.
func (g *greeter) greet(c *conn, hs *wire.Handshake, probe bool) error {
	c.net.SetReadDeadline(time.Now().Add(handshakeTime))
	var ours nonce
	rand.Read(ours[:])
	if err := g.shakeHands(c, hs); err != nil {
		return err
	}
	c.control <- g.extended(ours)
	theirs, err := c.readNonce()
	if err != nil {
		return err
	}
	h := hello{version: Version, key: g.id.Key(), name: g.name, port: g.port}
	dialler, acceptor := ours, theirs
	if hs != nil {
		dialler, acceptor = theirs, ours
	}
	h.sig = g.id.Sign(g.signed(hs == nil, dialler, acceptor, h.key))
	if !probe {
		c.control <- c.frame(h)
	}
	if err := g.readHello(c, hs != nil, dialler, acceptor); err != nil {
		return err
	}
	c.greeting = false
	return nil
}

// shakeHands exchanges the handshake of BEP 3.
func (g *greeter) shakeHands(c *conn, hs *wire.Handshake) error {
	own := wire.Handshake{InfoHash: g.rendezvous, PeerID: g.peerID}
	own.SetExtended()
	c.control <- wire.AppendHandshake(nil, own)
	if hs == nil {
		var b [wire.HandshakeLen]byte
		if _, err := io.ReadFull(c.in, b[:]); err != nil {
			return err
		}
		got, err := wire.ParseHandshake(b[:])
		if err != nil {
			return fmt.Errorf("%w: %w", ErrHandshake, err)
		}
		hs = &got
	}
	switch {
	case hs.PeerID == g.peerID:
		if !c.dialled.IsValid() { // let our other end read it first
			io.Copy(io.Discard, c.in)
		}
		return ErrSelf
	case hs.InfoHash != g.rendezvous || !hs.Extended():
		return ErrHandshake
	}
	return nil
}

// extended returns our extended handshake.
func (g *greeter) extended(n nonce) []byte {
	return wire.AppendExtendedHandshake(nil, &wire.ExtendedHandshake{
		M: map[string]int{Extension: ourExtID}, V: "p2pfs", Port: int(g.port),
		Extra: map[string]bencode.RawMessage{nonceKey: appendBytes(nil, n[:])},
	})
}

// readNonce reads the extended handshake, the first extended message.
func (c *conn) readNonce() (n nonce, err error) {
	ext, body, err := c.readExtended()
	if err != nil {
		return n, err
	}
	if ext != 0 {
		return n, fmt.Errorf("%w: no extended handshake", ErrHandshake)
	}
	eh, err := wire.ParseExtendedHandshake(body, nonceKey)
	if err != nil {
		return n, fmt.Errorf("%w: %w", ErrHandshake, err)
	}
	prefix := appendBytes(nil, n[:])[:3] // "32:"
	raw, ok := bytes.CutPrefix(eh.Extra[nonceKey], prefix)
	if id := eh.M[Extension]; id < 1 || id > 255 || !ok || len(raw) != len(n) {
		return n, ErrHandshake
	}
	c.extID = byte(eh.M[Extension])
	return nonce(raw), nil
}

// signed returns what hello's signature is over.
func (g *greeter) signed(byDialler bool, dialler, acceptor nonce, key catalog.Key) []byte {
	role := byte('a')
	if byDialler {
		role = 'd'
	}
	b := append([]byte(helloDomain), role)
	b = append(b, g.rendezvous[:]...)
	b = append(append(b, dialler[:]...), acceptor[:]...)
	return append(b, key[:]...)
}

// readHello reads the other side's hello.
func (g *greeter) readHello(c *conn, byDialler bool, dialler, acceptor nonce) error {
	m, err := c.read()
	if err != nil {
		return err
	}
	h, ok := m.(hello)
	switch {
	case !ok:
		return fmt.Errorf("%w: first message is no hello", ErrHello)
	case h.version != Version:
		return fmt.Errorf("%w: %d", ErrVersion, h.version)
	case !h.key.Verify(g.signed(byDialler, dialler, acceptor, h.key), h.sig[:]):
		return ErrHello
	case h.key == g.id.Key():
		return ErrSelf
	}
	c.key, c.name = h.key, h.name
	c.listen = listenAddr(c, h.port)
	return nil
}

// listenAddr returns where a member listens: where we dialled him, else the
// port he tells at the address he came from.
func listenAddr(c *conn, port uint16) netip.AddrPort {
	if c.dialled.IsValid() {
		return c.dialled
	}
	if a := netip.AddrPortFrom(c.remote.Addr(), port); dialable(a) {
		return a
	}
	return netip.AddrPort{}
}

// Dialer makes the drive's connections. Dial must end when ctx does.
type Dialer interface {
	Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
}
