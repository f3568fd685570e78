//go:build linux

package files

import (
	"errors"

	"p2pfs/swarm/share"
)

// errReadOnly is a write into the share directory's torrents, which have every
// piece.
var errReadOnly = errors.New("share directory is not written to")

// shareStorage reads pieces from a file of the share directory.
type shareStorage struct {
	r         *share.Reader
	published func() bool
	piece     int64
	pieces    int
}

func (s *shareStorage) Has(piece int) bool { return piece < s.pieces && s.published() }

func (s *shareStorage) ReadAt(p []byte, piece int, begin int64) (int, error) {
	return s.r.ReadAt(p, int64(piece)*s.piece+begin)
}

func (s *shareStorage) WritePiece(int, [][]byte) error { return errReadOnly }

func (s *shareStorage) Close() error { return s.r.Close() }
