package wire

import "crypto/rand"

// HandshakeLen is the length of the handshake in bytes (BEP 3).
const HandshakeLen = 68

// protocol opens every handshake: the length of the name, and the name.
const protocol = "\x13BitTorrent protocol"

// Bits of the reserved bytes. The DHT's (0x01 of byte 7) is never set: there
// is no DHT here.
const (
	extendedByte, extendedBit = 5, 0x10 // BEP 10
	fastByte, fastBit         = 7, 0x04 // BEP 6
	v2Byte, v2Bit             = 7, 0x10 // BEP 52: a hybrid's v1 swarm, v2 understood
)

// PeerIDPrefix begins our peer IDs, in the form of BEP 20: client and version.
const PeerIDPrefix = "-PF0001-"

// NewPeerID returns a peer ID of ours that no other has: it is drawn.
func NewPeerID() (id [20]byte) {
	rand.Read(id[copy(id[:], PeerIDPrefix):])
	return id
}

// Handshake is the first message of either side (BEP 3). The zero value has
// no extension set.
type Handshake struct {
	Reserved [8]byte
	InfoHash [20]byte // SHA-1, or the first 20 bytes of a v2 SHA-256
	PeerID   [20]byte
}

// Extended reports whether the extension protocol (BEP 10) is offered.
func (h Handshake) Extended() bool { return h.Reserved[extendedByte]&extendedBit != 0 }

// Fast reports whether the fast extension (BEP 6) is offered; it is in force
// when both sides offer it.
func (h Handshake) Fast() bool { return h.Reserved[fastByte]&fastBit != 0 }

// V2 reports whether BEP 52 is offered on a connection for a v1 infohash.
func (h Handshake) V2() bool { return h.Reserved[v2Byte]&v2Bit != 0 }

// SetExtended offers the extension protocol (BEP 10).
func (h *Handshake) SetExtended() { h.Reserved[extendedByte] |= extendedBit }

// SetFast offers the fast extension (BEP 6).
func (h *Handshake) SetFast() { h.Reserved[fastByte] |= fastBit }

// SetV2 offers BEP 52 beside a v1 infohash.
func (h *Handshake) SetV2() { h.Reserved[v2Byte] |= v2Bit }

// AppendHandshake appends the HandshakeLen bytes of h.
func AppendHandshake(dst []byte, h Handshake) []byte {
	dst = append(dst, protocol...)
	dst = append(dst, h.Reserved[:]...)
	dst = append(dst, h.InfoHash[:]...)
	return append(dst, h.PeerID[:]...)
}

// ParseHandshake reads the HandshakeLen bytes of p. ErrNotBitTorrent if they
// do not begin as a handshake does, ErrLength if p is shorter or longer.
func ParseHandshake(p []byte) (h Handshake, err error) {
	if !IsHandshake(p) {
		return h, ErrNotBitTorrent
	}
	if len(p) != HandshakeLen {
		return h, ErrLength
	}
	p = p[len(protocol):]
	copy(h.Reserved[:], p[:8])
	copy(h.InfoHash[:], p[8:28])
	copy(h.PeerID[:], p[28:48])
	return h, nil
}

// IsHandshake reports whether p, which may hold less than a whole handshake,
// begins as one: after the first byte another protocol can be told.
func IsHandshake(p []byte) bool {
	n := min(len(p), len(protocol))
	return string(p[:n]) == protocol[:n]
}
