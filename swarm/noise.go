package swarm

import (
	"errors"
	"time"

	"p2pfs/swarm/peer"
	"p2pfs/swarm/wire"
)

const (
	// noiseBurst and noiseRate (a second) are what a peer may cost us by
	// messages that move no data. An honest one asks for all the metadata of
	// the largest torrent at once, and cancels what it asked of two.
	noiseBurst = 3000
	noiseRate  = 100
)

// errFlood ends a peer that does nothing but talk.
var errFlood = errors.New("floods us with messages")

// noise is a token bucket over messages that move no data. Owned by the loop.
type noise struct {
	spent float64
	at    time.Time
}

// hear takes the cost of a message and reports whether the peer may go on.
func (n *noise) hear(now time.Time, cost float64) bool {
	if !n.at.IsZero() {
		n.spent = max(0, n.spent-now.Sub(n.at).Seconds()*noiseRate)
	}
	n.at = now
	n.spent += cost
	return n.spent <= noiseBurst
}

// noiseCost is what a message costs, by how much work it makes. Blocks and
// requests are bounded elsewhere.
func (l *loop) noiseCost(r *remote, m peer.Message) float64 {
	switch m.ID {
	case wire.MsgPiece, wire.MsgRequest:
		return 0
	case wire.MsgHave:
		if l.content != nil && m.Index < l.picker.Pieces.Count() && !r.pp.All && !r.pp.Has.Test(uint(m.Index)) {
			return 0 // news
		}
		return 0.5
	case wire.MsgExtended:
		if len(m.Body) > 0 && m.Body[0] == extMetadata {
			return 1
		}
		return 20
	case wire.MsgBitfield, wire.MsgHaveAll, wire.MsgHaveNone:
		return 50
	case wire.MsgHashRequest: // a reader's, one a piece
		return 0.05
	case wire.MsgCancel, wire.MsgReject, wire.MsgHashes, wire.MsgHashReject:
		return 0.5
	}
	return 1
}
