package swarm

import (
	"errors"

	"p2pfs/swarm/metainfo"
)

// ErrMissing is returned for a piece that is not held.
var ErrMissing = errors.New("piece is not here")

// Storage is where the verified pieces of one torrent are. It must be safe
// for concurrent use.
type Storage interface {
	// Has reports whether the piece is held.
	Has(piece int) bool
	// ReadAt fills p from the piece, beginning begin bytes into it. It
	// answers in full or with an error: ErrMissing, or one of the storage's
	// own, if the piece is not held. It is asked without Has before it.
	ReadAt(p []byte, piece int, begin int64) (int, error)
	// WritePiece keeps a piece, given as its blocks, that the engine has
	// verified. It does not keep the slices.
	WritePiece(piece int, blocks [][]byte) error
	Close() error
}

// LayerStorage is a Storage that names pieces by their hash and so must be
// told of piece layers that came after it was made (BEP 52).
type LayerStorage interface {
	SetLayers(metainfo.Layers)
}

// PieceHashStorage is a Storage that names pieces by their hash and takes the
// hash of single ones, known by a proof while the layer is not here.
type PieceHashStorage interface {
	SetPieceHash(piece int, hash metainfo.Hash256)
}

// DoubtStorage is a Storage that can look again whether it has what it believes
// to have. A bad piece is dropped, and the error says so. Doubt reads the piece
// and blocks as long.
type DoubtStorage interface {
	Doubt(piece int) error
}

// PieceStore keeps pieces of any torrent under their hash: '1' and the
// SHA-1, or '2' and the SHA-256 merkle root. Package cache has one.
type PieceStore interface {
	// Size returns the length in bytes of a piece that is there: of a piece
	// with that hash, but not of that length, there is nothing to be had.
	Size(key [33]byte) (int64, bool)
	ReadAt(key [33]byte, p []byte, off int64) (int, error)
	// Put keeps a piece, in place of one of another length.
	Put(key [33]byte, blocks [][]byte) error
}
