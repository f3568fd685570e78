package swarm

import (
	"errors"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/haves"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/wire"
)

// Protocol errors: the peer is closed for them.
var (
	errBlock  = errors.New("block out of range")
	errOffer  = errors.New("to be connected anew, offering BEP 52")
	errHalves = errors.New("the v1 and v2 hashes of a piece disagree: the torrent is broken")
)

// message dispatches one message of a peer; an error closes the peer.
func (l *loop) message(r *remote, m peer.Message) error {
	if !r.hear(l.now, r.noiseCost(m, &l.haves)) {
		return errFlood
	}
	switch m.ID {
	case wire.MsgPiece:
		return l.onPiece(r, m)
	case wire.MsgRequest:
		return l.serve.request(r, m.Block, l.moment())
	case wire.MsgCancel:
		return l.serve.cancel(r, m.Block, l.now)
	case wire.MsgReject:
		return l.fetch.rejected(r, m.Block, l.now)
	case wire.MsgHave:
		return l.onHave(r, m.Index)
	case wire.MsgChoke, wire.MsgUnchoke:
		l.fetch.choked(r, m.ID == wire.MsgChoke, l.now)
		return nil
	case wire.MsgInterested, wire.MsgNotInterested:
		l.serve.interested(r, m.ID == wire.MsgInterested, l.moment())
		return nil
	case wire.MsgBitfield:
		return l.fetch.heard(r, l.haves.Bitfield(r.has, m.Body))
	case wire.MsgHaveAll, wire.MsgHaveNone:
		return l.fetch.heard(r, l.haves.All(r.has, m.ID == wire.MsgHaveAll))
	case wire.MsgAllowedFast:
		return l.haves.AllowedFast(r.has, m.Index)
	case wire.MsgSuggest:
		return l.haves.Suggest(r.has, m.Index)
	case wire.MsgExtended:
		return l.onExtended(r, m.Body)
	case wire.MsgHashRequest:
		return l.hash.request(r, m.Body, l.content, l.now)
	case wire.MsgHashes:
		actions, err := l.hash.told(r, m.Body, l.now)
		l.do(actions)
		return err
	case wire.MsgHashReject:
		actions, err := l.hash.refused(r, m.Body, l.now)
		l.do(actions)
		return err
	}
	return nil // port: nothing to do
}

func (l *loop) onPiece(r *remote, m peer.Message) error {
	b := picker.Block{Piece: m.Block.Index, N: m.Block.Begin / hashing.BlockSize}
	if !r.down.Asked(b) || m.Block.Begin%hashing.BlockSize != 0 || l.info().Pieces.BlockLen(b.Piece, b.N) != m.Block.Length {
		m.Data.Release()
		l.verify.wasted += int64(m.Block.Length)
		return r.down.Unasked(m.Block.Length)
	}
	r.down.Got(b, m.Block.Length, l.now)
	r.count(&l.t.client.bandwidth)
	l.verify.arrived(r, b, m.Data, l.now)
	return nil
}

func (l *loop) onHave(r *remote, piece int) error {
	err := l.haves.Have(r.has, piece)
	if err == nil && l.content != nil {
		l.serve.say(l.serve.uploads.Has(r.up, piece, l.moment()))
	}
	return l.fetch.heard(r, err)
}

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
