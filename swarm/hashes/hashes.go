// Package hashes gets the hashes of BEP 52 that a torrent's metadata came without
// from its peers, and gives them: piece layers, and the leaves of pieces that are
// read, with which each block can be verified as it lands. Hashes between the
// leaves and the piece layer, which BEP 52 leaves to the answerer, are neither
// asked for nor given.
//
// It is pure: no goroutine, no lock, no network, and no clock but the times it
// is given. Nothing here is safe for concurrent use. It does not know what a piece
// holds nor hashes it; peers are small integers to it, with what a Peer tells of
// them. What is to be done it returns as Actions.
package hashes

import (
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

// Peer is a peer that speaks BEP 52 and may be asked.
type Peer interface {
	// HasPieces reports whether it has shown any piece.
	HasPieces() bool
	// Rate is how many bytes of blocks per second come from it.
	Rate() float64
	// Late is for how long it has owed blocks beyond what can be explained.
	Late(now time.Time) time.Duration
	// Delay is how long an answer of it takes, behind the blocks that it owes; 0:
	// it has sent none yet.
	Delay() time.Duration
}

// Torrent is what is asked for the sake of.
type Torrent interface {
	// Have reports whether the piece is held.
	Have(piece int) bool
	// Waited reports whether a reader waits for blocks of the piece.
	Waited(piece int) bool
	// Reading reports whether one waits or will soon.
	Reading(piece int) bool
	// AskedOf reports whether blocks of the piece are asked of the peer, or came
	// from it.
	AskedOf(piece, peer int) bool
}

// Do is what is to be done.
type Do int

const (
	// Ask: Request is to be sent to Peer.
	Ask Do = iota
	// Ban: Peer lied, as Why says.
	Ban
	// Judge: leaves of Piece are known, and its blocks can be verified.
	Judge
	// Prove: Piece must hash to Hash.
	Prove
	// Layer: the piece layer under Hash is known.
	Layer
	// Check: what Piece, which waited, must hash to is known, or only its SHA-1
	// will be: see Known.Piece.
	Check
	// Refocus: which blocks can be verified one by one has changed.
	Refocus
)

// Action is something to be done.
type Action struct {
	Do      Do
	Peer    int
	Piece   int
	Hash    metainfo.Hash256
	Request hashing.HashRequest
	Why     string
}

// actions are those that a call returns.
type actions []Action

func (a *actions) add(one Action) { *a = append(*a, one) }

// take returns all that there are.
func (a *actions) take() []Action {
	out := *a
	*a = nil
	return out
}

// Known is which hashes of a torrent's pieces are known.
type Known struct {
	Info   *metainfo.Info
	Layers metainfo.Layers // replaced, never changed

	proven map[int]metainfo.Hash256 // by leaves with a proof to the root
}

// NewKnown returns what a torrent's metadata tells.
func NewKnown(m *metainfo.MetaInfo) *Known {
	return &Known{Info: m.Info, Layers: m.Layers, proven: map[int]metainfo.Hash256{}}
}

// Piece returns what a piece must hash to in v2; the zero hash without v2. It
// reports false while that is not known.
func (k *Known) Piece(piece int) (metainfo.Hash256, bool) {
	if !k.Info.V2 {
		return metainfo.Hash256{}, true
	}
	if h, ok := k.Info.PieceHash2(k.Layers, piece); ok {
		return h, true
	}
	h, ok := k.proven[piece]
	return h, ok
}

// root is the pieces root of the file that a piece is of.
func (k *Known) root(piece int) metainfo.Hash256 {
	return k.Info.Files[k.Info.Pieces.FileOf(piece)].Root
}
