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
	ErrHello  = errors.New("hello is not signed by its key")
	ErrProof  = errors.New("drive key not proven")
	ErrForged = errors.New("forged head")

	ErrVersion = errors.New("speaks another version of the protocol")
)

// broke reports whether err says that the peer broke the protocol.
func broke(err error) bool {
	for _, target := range []error{message.ErrMalformed, ErrHello, ErrProof, ErrVersion, ErrForged} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
