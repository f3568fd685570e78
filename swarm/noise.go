package swarm

import (
	"errors"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/haves"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/wire"
)

// What a peer may cost us by messages that move no data: so much at once and a
// second. An honest one asks for all the metadata of the largest torrent at once,
// and cancels what it asked of two.
const (
	noiseUnit  = 20 // what most messages cost
	noiseBurst = 3000 * noiseUnit
	noiseRate  = 100 * noiseUnit
)

// errFlood ends a peer that does nothing but talk.
var errFlood = errors.New("floods us with messages")

func newNoise() *rate.Limiter { return rate.NewLimiter(noiseRate, noiseBurst) }

// hear takes what a peer costs us and reports whether it may go on.
func (r *remote) hear(now time.Time, cost int) bool { return r.noise.AllowN(now, cost) }

// noiseCost is what a message costs, by how much work it makes. Blocks and
// requests are bounded elsewhere.
func (r *remote) noiseCost(m peer.Message, all *haves.Haves) int {
	switch m.ID {
	case wire.MsgPiece, wire.MsgRequest:
		return 0
	case wire.MsgHave:
		if all.News(r.has, m.Index) {
			return 0 // news
		}
		return noiseUnit / 2
	case wire.MsgExtended:
		if len(m.Body) > 0 && m.Body[0] == extMetadata {
			return noiseUnit
		}
		return 20 * noiseUnit
	case wire.MsgBitfield, wire.MsgHaveAll, wire.MsgHaveNone:
		return 50 * noiseUnit
	case wire.MsgHashRequest: // a reader's, one a piece
		return noiseUnit / 20
	case wire.MsgCancel, wire.MsgReject, wire.MsgHashes, wire.MsgHashReject:
		return noiseUnit / 2
	}
	return noiseUnit
}
