package drive

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/wire"
)

// nonceKey is the key of the extended handshake under which the nonce stands.
const nonceKey = "p2pfs_nonce"

// greeter makes the handshakes of a drive. Immutable.
type greeter struct {
	key        Key
	rendezvous catalog.Salt
	peerID     [20]byte
	id         *catalog.Identity
	name       string
	port       uint16
	began      int64 // of this drive, in microseconds of Unix time
	moved      bool  // see Config.Moved
	now        func() time.Time
}

// greet makes a connection known: after it, key, name and listen are who signed
// for them. hs is the handshake that came with a connection to us; nil if we
// dialled. With probe set we stay unknown ourselves.
//
// Nobody tells key or name to one who has not proven the drive key: the dialler
// proves it, without saying who he is; the acceptor answers with his hello,
// which proves it too; then the dialler sends his.
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
	r := &rite{key: g.key, rendezvous: g.rendezvous, dialler: ours, acceptor: theirs}
	if hs != nil {
		r.dialler, r.acceptor = theirs, ours
		err = g.welcome(c, r)
	} else {
		err = g.present(c, r, probe)
	}
	c.greeting = err != nil
	return err
}

// present is the dialler's part: prove, hear who that is, say who we are.
func (g *greeter) present(c *conn, r *rite, probe bool) error {
	c.control <- c.frame(r.prove())
	err := g.readHello(c, r, false)
	copied := errors.As(err, new(copyError))
	if err == nil && !probe || copied {
		c.control <- c.frame(g.hello(r, true))
	}
	if copied { // the other process is to hear of us before we hang up
		io.Copy(io.Discard, c.in)
	}
	return err
}

// welcome is the acceptor's part: nothing is said before the dialler has proven
// the drive key.
func (g *greeter) welcome(c *conn, r *rite) error {
	m, err := c.read()
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case message.Prove:
		if m.Version != message.Version || !r.proven(m) {
			return ErrProof
		}
	case message.Hello:
		return wrongVersion(m)
	default:
		return fmt.Errorf("%w: first message is no proof", ErrProof)
	}
	c.control <- c.frame(g.hello(r, false))
	return g.readHello(c, r, true)
}

// hello returns ours.
func (g *greeter) hello(r *rite, byDialler bool) message.Hello {
	h := message.Hello{
		Version: message.Version, Key: g.id.Key(), Name: g.name, Port: g.port,
		Clock: g.now().Unix(), Began: g.began, Moved: g.moved,
	}
	r.seal(&h, byDialler, g.id)
	return h
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
		M: map[string]int{message.Extension: ourExtID}, V: "p2pfs", Port: int(g.port),
		Extra: map[string]bencode.RawMessage{nonceKey: append([]byte("32:"), n[:]...)},
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
	prefix := []byte("32:")
	raw, ok := bytes.CutPrefix(eh.Extra[nonceKey], prefix)
	if id := eh.M[message.Extension]; id < 1 || id > 255 || !ok || len(raw) != len(n) {
		return n, ErrHandshake
	}
	c.extID = byte(eh.M[message.Extension])
	return nonce(raw), nil
}

// readHello reads the other side's hello.
func (g *greeter) readHello(c *conn, r *rite, byDialler bool) error {
	m, err := c.read()
	if err != nil {
		return err
	}
	h, ok := m.(message.Hello)
	switch {
	case !ok:
		return fmt.Errorf("%w: no hello where one is due", ErrHello)
	case h.Version != message.Version:
		return wrongVersion(h)
	}
	if err := r.check(&h, byDialler); err != nil {
		return err
	}
	if h.Key == g.id.Key() {
		if h.Began == g.began { // our own, passed on by somebody in between
			return ErrSelf
		}
		return copyError{process{h.Began, h.Moved}}
	}
	c.key, c.name = h.Key, h.Name
	c.listen = listenAddr(c, h.Port)
	c.clock, c.clockAt = time.Unix(h.Clock, 0), time.Now()
	return nil
}

// wrongVersion says what is wrong with a hello of another version.
func wrongVersion(h message.Hello) error {
	if h.Version < message.Version {
		return outdatedError{h.Name}
	}
	return fmt.Errorf("%w: %d", ErrVersion, h.Version)
}

// listenAddr returns where a member listens: where we dialled him, else the
// port he tells at the address he came from.
func listenAddr(c *conn, port uint16) netip.AddrPort {
	if c.dialled.IsValid() {
		return c.dialled
	}
	if a := netip.AddrPortFrom(c.remote.Addr(), port); netgroup.Dialable(a) && a.Addr().Zone() == "" {
		return a
	}
	return netip.AddrPort{}
}

// Dialer makes the drive's connections. Dial must end when ctx does.
type Dialer interface {
	Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
}
