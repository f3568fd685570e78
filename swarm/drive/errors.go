package drive

import (
	"errors"

	"p2pfs/swarm/drive/message"
)

// ErrClosed is what calls return once the drive is closed.
var ErrClosed = errors.New("drive is closed")

// Why a connection was closed. The first group means that the peer broke the
// protocol; its address is then left alone for a while.
var (
	ErrTooLong   = errors.New("message too long")
	ErrHandshake = errors.New("handshake of another swarm, or without the p2pfs extension")
	ErrHello     = errors.New("hello is not signed by its key")
	ErrProof     = errors.New("drive key not proven")
	ErrForged    = errors.New("forged head")
	ErrFlood     = errors.New("too much that nobody asked for")

	ErrVersion   = errors.New("speaks another version of the protocol")
	ErrSelf      = errors.New("connected to ourselves")
	ErrDuplicate = errors.New("another connection to this member is kept")
	ErrFull      = errors.New("too many connections")
	ErrOften     = errors.New("too many connections of one address in a short time")
	ErrIdle      = errors.New("longest idle, made room for another")
	ErrSlow      = errors.New("reads too slowly")
)

// broke reports whether err says that the peer broke the protocol.
func broke(err error) bool {
	for _, target := range []error{message.ErrMalformed, ErrTooLong, ErrHandshake, ErrHello, ErrProof, ErrVersion, ErrForged, ErrFlood} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
