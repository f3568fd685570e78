// Package haves takes in which pieces the peers of a torrent say they have (BEP 3,
// 6 and 54) and what they say of these (allowed fast, suggest), and tells in whom
// we are interested.
//
// It is pure: no goroutine, no lock, no network, no clock. Nothing here is safe for
// concurrent use. What it learns it tells a Picker; what comes before the number of
// pieces is known is kept until then. Errors end the connection.
package haves

import (
	"errors"
	"fmt"

	"github.com/bits-and-blooms/bitset"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/wire"
)

// maxFast bounds the pieces that a peer lets us ask for while it chokes us (BEP 6).
const maxFast = 64

// Errors of a peer that breaks the protocol.
var (
	ErrPiece = errors.New("piece out of range")
	ErrFast  = errors.New("message of the fast extension, which was not agreed")
)

// Haves is what the peers of one torrent have. The zero value is ready.
type Haves struct {
	picker *picker.Picker // nil until Open
}

// Peer is what one peer has. The caller sets the exported fields.
type Peer struct {
	Fast   bool         // BEP 6 was agreed
	Pieces *picker.Peer // what it has, once it has joined

	interested bool // we are, in what it has
	lacking    int  // pieces it has and we have not
	early      early
}

// early is what a peer said before the number of pieces was known.
type early struct {
	bits []byte
	all  bool
	have []int
}

// Open tells of the pieces, once their number is known.
func (h *Haves) Open(p *picker.Picker) { h.picker = p }

// Join takes in a peer after Open, with what it said before.
func (h *Haves) Join(p *Peer) error {
	p.Pieces.Has = bitset.New(uint(h.picker.Pieces.Count()))
	h.picker.Join(p.Pieces)
	e := p.early
	p.early = early{}
	switch {
	case e.all:
		h.all(p)
	case e.bits != nil:
		if err := h.Bitfield(p, e.bits); err != nil {
			return err
		}
	}
	for _, piece := range e.have {
		if err := h.Have(p, piece); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether the peer said so of the piece.
func (p *Peer) has(piece int) bool {
	return p.Pieces.All || p.Pieces.Has != nil && p.Pieces.Has.Test(uint(piece))
}

// check returns nil if there is such a piece.
func (h *Haves) check(what string, piece int) error {
	if n := h.picker.Pieces.Count(); piece >= n {
		return fmt.Errorf("%s %d of %d: %w", what, piece, n, ErrPiece)
	}
	return nil
}

// News reports whether it would be news that the peer has a piece.
func (h *Haves) News(p *Peer, piece int) bool {
	return h.picker != nil && piece < h.picker.Pieces.Count() && !p.has(piece)
}

// Have takes in that a peer has a piece.
func (h *Haves) Have(p *Peer, piece int) error {
	if h.picker == nil {
		if len(p.early.have) < hashing.MaxPieces {
			p.early.have = append(p.early.have, piece)
		}
		return nil
	}
	if err := h.check("have", piece); err != nil || p.has(piece) {
		return err
	}
	h.picker.PeerHas(p.Pieces.ID, piece)
	if !h.picker.Pieces.Have(piece) {
		p.lacking++
	}
	return nil
}

// Bitfield takes in a bitfield, which it retains, at any time and as many haves:
// aria2 sends one in place of them when that is shorter.
func (h *Haves) Bitfield(p *Peer, body []byte) error {
	if h.picker == nil {
		p.early.bits = body
		return nil
	}
	bits, err := wire.ParseBitfield(body, h.picker.Pieces.Count())
	if err != nil {
		return err
	}
	if bits.All() {
		h.all(p)
		return nil
	}
	for i, ok := bits.NextSet(0); ok; i, ok = bits.NextSet(i + 1) {
		if err := h.Have(p, int(i)); err != nil {
			return err
		}
	}
	return nil
}

// All takes in that a peer has all pieces, or none (BEP 6).
func (h *Haves) All(p *Peer, all bool) error {
	switch {
	case !p.Fast:
		return ErrFast
	case !all:
	case h.picker == nil:
		p.early.all = true
	default:
		h.all(p)
	}
	return nil
}

func (h *Haves) all(p *Peer) {
	if !p.Pieces.All {
		h.picker.PeerHasAll(p.Pieces.ID)
		p.lacking = h.picker.Pieces.Count() - h.picker.Pieces.Held()
	}
}

// Lost takes in that a peer has a piece no more (BEP 54).
func (h *Haves) Lost(p *Peer, piece int) error {
	if h.picker == nil {
		return nil
	}
	if err := h.check("donthave", piece); err != nil || !p.has(piece) {
		return err
	}
	h.picker.PeerLost(p.Pieces.ID, piece)
	if !h.picker.Pieces.Have(piece) {
		p.lacking--
	}
	return nil
}

// AllowedFast takes in that a piece may be asked of a peer although it chokes us
// (BEP 6).
func (h *Haves) AllowedFast(p *Peer, piece int) error {
	if !p.Fast {
		return ErrFast
	}
	if h.picker != nil {
		if err := h.check("allowed fast", piece); err != nil {
			return err
		}
	}
	if len(p.Pieces.Fast) < maxFast {
		p.Pieces.Fast[piece] = true
	}
	return nil
}

// Suggest takes in that a peer would like to be asked for a piece (BEP 6).
func (h *Haves) Suggest(p *Peer, piece int) error {
	if !p.Fast {
		return ErrFast
	}
	if h.picker == nil {
		return nil
	}
	if err := h.check("suggest", piece); err != nil {
		return err
	}
	h.picker.Suggest(p.Pieces.ID, piece)
	return nil
}

// Ours notes that we have a piece now, or have it no more. It reports whether the
// peer has it, too.
func (p *Peer) Ours(piece int, on bool) bool {
	switch {
	case !p.has(piece):
		return false
	case on:
		p.lacking--
	default:
		p.lacking++
	}
	return true
}

// Interested reports whether the peer was last told that we are interested.
func (p *Peer) Interested() bool { return p.interested }

// Interest reports whether the peer is to be told that we are interested, or no
// more. hungry tells whether anything is being fetched: then we are in each that
// has a piece we lack, so that it has unchoked us when we need it.
func (p *Peer) Interest(hungry bool) (tell bool) {
	want := p.lacking > 0 && hungry
	tell = want != p.interested
	p.interested = want
	return tell
}
