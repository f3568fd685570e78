package swarm

import (
	"errors"
	"fmt"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/wire"
)

// Protocol errors: the peer is closed for them.
var (
	errPiece  = errors.New("piece out of range")
	errBlock  = errors.New("block out of range")
	errFast   = errors.New("message of the fast extension, which was not agreed")
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
		return l.onRequest(r, m.Block)
	case wire.MsgCancel:
		return l.onCancel(r, m.Block)
	case wire.MsgReject:
		return l.onReject(r, m.Block)
	case wire.MsgHave:
		return l.onHave(r, m.Index)
	case wire.MsgChoke, wire.MsgUnchoke:
		return l.onChoke(r, m.ID == wire.MsgChoke)
	case wire.MsgInterested, wire.MsgNotInterested:
		return l.onInterested(r, m.ID == wire.MsgInterested)
	case wire.MsgBitfield:
		return l.onBitfield(r, m.Body)
	case wire.MsgHaveAll, wire.MsgHaveNone:
		return l.onHaveAll(r, m.ID == wire.MsgHaveAll)
	case wire.MsgAllowedFast:
		return l.onAllowedFast(r, m.Index)
	case wire.MsgSuggest:
		return l.onSuggest(r, m.Index)
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
		return errFast
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
	if l.content == nil {
		if len(r.early.have) < hashing.MaxPieces {
			r.early.have = append(r.early.have, piece)
		}
		return nil
	}
	if err := l.has(r, piece); err != nil {
		return err
	}
	l.say(l.uploads.Has(r.up, piece, l.moment()))
	l.interestIn(r)
	return nil
}

// has notes that a peer has a piece.
func (l *loop) has(r *remote, piece int) error {
	if piece >= l.picker.Pieces.Count() {
		return fmt.Errorf("have %d of %d: %w", piece, l.picker.Pieces.Count(), errPiece)
	}
	if r.pp.All || r.pp.Has.Test(uint(piece)) {
		return nil
	}
	l.picker.PeerHas(r.id, piece)
	if !l.picker.Pieces.Have(piece) {
		r.lacking++
	}
	return nil
}

// onBitfield takes a bitfield at any time, as many haves: aria2 sends one in
// place of them when that is shorter.
func (l *loop) onBitfield(r *remote, body []byte) error {
	if l.content == nil {
		r.early.bits = body
		return nil
	}
	if err := l.hasBits(r, body); err != nil {
		return err
	}
	l.interestIn(r)
	return nil
}

func (l *loop) hasBits(r *remote, body []byte) error {
	bits, err := wire.ParseBitfield(body, l.picker.Pieces.Count())
	if err != nil {
		return err
	}
	if bits.All() && !r.pp.All {
		l.hasAll(r)
		return nil
	}
	for i, ok := bits.NextSet(0); ok; i, ok = bits.NextSet(i + 1) {
		if err := l.has(r, int(i)); err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) onHaveAll(r *remote, all bool) error {
	if !r.hs.Fast() {
		return errFast
	}
	switch {
	case !all:
	case l.content == nil:
		r.early.all = true
	default:
		l.hasAll(r)
		l.interestIn(r)
	}
	return nil
}

func (l *loop) hasAll(r *remote) {
	l.picker.PeerHasAll(r.id)
	r.lacking = l.picker.Pieces.Count() - l.picker.Pieces.Held()
}

func (l *loop) onAllowedFast(r *remote, piece int) error {
	if !r.hs.Fast() {
		return errFast
	}
	if l.content != nil && piece >= l.picker.Pieces.Count() {
		return fmt.Errorf("allowed fast %d: %w", piece, errPiece)
	}
	if len(r.pp.Fast) < 64 {
		r.pp.Fast[piece] = true
	}
	return nil
}

// onSuggest notes what a peer would like to be asked for (BEP 6).
func (l *loop) onSuggest(r *remote, piece int) error {
	if !r.hs.Fast() {
		return errFast
	}
	if l.content == nil {
		return nil
	}
	if piece >= l.picker.Pieces.Count() {
		return fmt.Errorf("suggest %d: %w", piece, errPiece)
	}
	l.picker.Suggest(r.id, piece)
	return nil
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
	for _, r := range l.remotes {
		l.interestIn(r)
	}
}

// interestIn tells one peer whether we are interested in it: while anything
// is being fetched, in each that has a piece we lack, so that it has unchoked
// us when we need it.
func (l *loop) interestIn(r *remote) {
	if l.content == nil {
		return
	}
	want := r.lacking > 0 && l.hungry()
	if want == r.amInterested {
		return
	}
	r.amInterested = want
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
	for _, r := range l.remotes {
		if r.pp.All || r.pp.Has != nil && r.pp.Has.Test(uint(piece)) {
			r.lacking--
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
