package gather

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/wire"
)

// Time is until a connection's handshakes and greeting are through, in all.
const Time = 10 * time.Second

// Why a connection was closed, or not kept. The first group means that the peer
// broke the protocol, or speaks another.
var (
	ErrTooLong   = errors.New("message too long")
	ErrHandshake = errors.New("handshake of another swarm, or without the extension")
	ErrFlood     = errors.New("too much that nobody asked for")

	ErrClosed    = errors.New("swarm left")
	ErrSelf      = errors.New("connected to ourselves")
	ErrDuplicate = errors.New("another connection to this member is kept")
	ErrOften     = errors.New("too many connections of one address in a short time")
	ErrIdle      = errors.New("longest idle, made room for another")
	ErrSlow      = errors.New("reads too slowly")
)

// A Shaker makes the handshakes of a swarm. Immutable.
type Shaker struct {
	InfoHash  [20]byte
	PeerID    [20]byte
	Port      uint16 // on which we listen; 0: nowhere
	Extension string // whose messages the connections carry (BEP 10), with its nonce beside
}

// nonceKey is the key of the extended handshake under which the nonce stands.
func (s *Shaker) nonceKey() string { return s.Extension + "_nonce" }

// Shake exchanges both handshakes. theirs is the one of BEP 3 that came with a
// connection to us; nil if we dialled. Conn.Run must send meanwhile. The deadline
// that it sets holds until Greeted.
func (s *Shaker) Shake(c *Conn, theirs *wire.Handshake) error {
	c.net.SetReadDeadline(time.Now().Add(Time))
	c.Hello.Port = s.Port
	var ours [32]byte
	rand.Read(ours[:])
	if err := s.bep3(c, theirs); err != nil {
		return err
	}
	c.Queue(s.extended(ours))
	nonce, err := s.bep10(c)
	if c.Hello.Dialler, c.Hello.Acceptor = ours, nonce; theirs != nil {
		c.Hello.Dialler, c.Hello.Acceptor = nonce, ours
	}
	return err
}

// bep3 exchanges the handshake of BEP 3.
func (s *Shaker) bep3(c *Conn, theirs *wire.Handshake) error {
	own := wire.Handshake{InfoHash: s.InfoHash, PeerID: s.PeerID}
	own.SetExtended()
	c.Queue(wire.AppendHandshake(nil, own))
	if theirs == nil {
		var b [wire.HandshakeLen]byte
		if _, err := io.ReadFull(c.in, b[:]); err != nil {
			return err
		}
		got, err := wire.ParseHandshake(b[:])
		if err != nil {
			return fmt.Errorf("%w: %w", ErrHandshake, err)
		}
		theirs = &got
	}
	switch {
	case theirs.PeerID == s.PeerID:
		if !c.Dialled.IsValid() { // let our other end read it first
			c.Drain()
		}
		return ErrSelf
	case theirs.InfoHash != s.InfoHash || !theirs.Extended():
		return ErrHandshake
	}
	return nil
}

// extended is our extended handshake.
func (s *Shaker) extended(nonce [32]byte) []byte {
	return wire.AppendExtendedHandshake(nil, &wire.ExtendedHandshake{
		M: map[string]int{s.Extension: ourExtID}, V: s.Extension, Port: int(s.Port),
		Extra: map[string]bencode.RawMessage{s.nonceKey(): append([]byte(noncePrefix), nonce[:]...)},
	})
}

// noncePrefix stands before a nonce's bytes.
var noncePrefix = strconv.Itoa(32) + ":"

// bep10 reads the extended handshake, the first extended message, and returns the
// nonce in it.
func (s *Shaker) bep10(c *Conn) (nonce [32]byte, err error) {
	ext, body, err := c.extended()
	if err != nil {
		return nonce, err
	}
	if ext != 0 {
		return nonce, fmt.Errorf("%w: no extended handshake", ErrHandshake)
	}
	eh, err := wire.ParseExtendedHandshake(body, s.nonceKey())
	if err != nil {
		return nonce, fmt.Errorf("%w: %w", ErrHandshake, err)
	}
	raw, ok := bytes.CutPrefix(eh.Extra[s.nonceKey()], []byte(noncePrefix))
	if id := eh.M[s.Extension]; id < 1 || id > 255 || !ok || len(raw) != len(nonce) {
		return nonce, ErrHandshake
	}
	c.extID = byte(eh.M[s.Extension])
	return [32]byte(raw), nil
}
