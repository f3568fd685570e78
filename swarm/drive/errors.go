package drive

import (
	"errors"

	"p2pfs/swarm/drive/hello"
	"p2pfs/swarm/drive/message"
)

// ErrClosed is what calls return once the drive is closed.
var ErrClosed = errors.New("drive is closed")

// ErrForged closes a connection over which a head came that its author has not
// signed.
var ErrForged = errors.New("forged head")

// broke reports whether err says that the peer broke the protocol.
func broke(err error) bool {
	for _, target := range []error{message.ErrMalformed, hello.ErrHello, hello.ErrProof, hello.ErrVersion, ErrForged} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
