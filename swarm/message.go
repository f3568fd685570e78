package swarm

import (
	"errors"

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
	if !r.hear(l.now, l.noiseCost(r, m)) {
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
		return l.onReject(r, m.Block)
	case wire.MsgHave:
		return l.onHave(r, m.Index)
	case wire.MsgChoke, wire.MsgUnchoke:
		return l.onChoke(r, m.ID == wire.MsgChoke)
	case wire.MsgInterested, wire.MsgNotInterested:
		l.serve.interested(r, m.ID == wire.MsgInterested, l.moment())
		return nil
	case wire.MsgBitfield:
		return l.heard(r, l.haves.Bitfield(r.has, m.Body))
	case wire.MsgHaveAll, wire.MsgHaveNone:
		return l.heard(r, l.haves.All(r.has, m.ID == wire.MsgHaveAll))
	case wire.MsgAllowedFast:
		return l.haves.AllowedFast(r.has, m.Index)
	case wire.MsgSuggest:
		return l.haves.Suggest(r.has, m.Index)
	case wire.MsgExtended:
		return l.onExtended(r, m.Body)
	case wire.MsgHashRequest:
		return l.onHashRequest(r, m.Body)
	case wire.MsgHashes:
		return l.onHashes(r, m.Body)
	case wire.MsgHashReject:
		return l.onHashReject(r, m.Body)
	}
	return nil // port: nothing to do
}

func (l *loop) onPiece(r *remote, m peer.Message) error {
	b := picker.Block{Piece: m.Block.Index, N: m.Block.Begin / hashing.BlockSize}
	if !r.down.Asked(b) || m.Block.Begin%hashing.BlockSize != 0 || l.info().Pieces.BlockLen(b.Piece, b.N) != m.Block.Length {
		m.Data.Release()
		l.counts.wasted += int64(m.Block.Length)
		return r.down.Unasked(m.Block.Length)
	}
	r.down.Got(b, m.Block.Length, l.now)
	r.count(&l.t.client.bandwidth)
	l.arrived(r, b, m.Data)
	return nil
}

func (l *loop) onReject(r *remote, b wire.Block) error {
	if !r.hs.Fast() {
		return haves.ErrFast
	}
	k := picker.Block{Piece: b.Index, N: b.Begin / hashing.BlockSize}
	if r.down.Asked(k) {
		l.dropped(r, r.down.Drop(k, l.now))
		delete(r.pp.Fast, b.Index)
		r.down.Rejected(l.now)
	}
	return nil
}

func (l *loop) onHave(r *remote, piece int) error {
	err := l.haves.Have(r.has, piece)
	if err == nil && l.content != nil {
		l.serve.say(l.serve.uploads.Has(r.up, piece, l.moment()))
	}
	return l.heard(r, err)
}

// heard looks anew at whether a peer has something for us that has told what it
// has.
func (l *loop) heard(r *remote, err error) error {
	if err == nil {
		l.interestIn(r)
	}
	return err
}

func (l *loop) onChoke(r *remote, choke bool) error {
	if r.pp.Choked == choke {
		return nil
	}
	r.pp.Choked = choke
	r.down.Choked(l.now)
	if choke && !r.hs.Fast() { // with BEP 6 each is rejected by name
		l.dropped(r, r.down.DropAll(l.now))
		l.scheduleAll()
	}
	return nil
}

// interest looks anew at which peers have something for us.
func (l *loop) interest() {
	for _, r := range l.crowd.of {
		l.interestIn(r)
	}
}

// interestIn tells one peer whether we are interested in it, if that has changed.
func (l *loop) interestIn(r *remote) {
	if l.content == nil || !r.has.Interest(l.hungry()) {
		return
	}
	want := r.has.Interested()
	if want {
		l.tellDownload(r)
	}
	r.conn.Send(func(dst []byte) []byte {
		if want {
			return wire.AppendInterested(dst)
		}
		return wire.AppendNotInterested(dst)
	})
}

// tellHave tells everybody about a new piece.
func (l *loop) tellHave(piece int) {
	for _, r := range l.crowd.of {
		if r.has.Ours(piece, true) {
			l.interestIn(r)
			if r.pp.All {
				continue // a seed has no use for it
			}
		}
		r.conn.Send(func(dst []byte) []byte { return wire.AppendHave(dst, piece) })
	}
}

// takeBack tells a peer that a piece is gone, where it can be told (BEP 54).
func (l *loop) takeBack(r *remote, piece int) {
	if id := r.extID(wire.ExtDontHave); id != 0 {
		r.conn.Send(func(dst []byte) []byte { return wire.AppendDontHave(dst, id, piece) })
	}
}
