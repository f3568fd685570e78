package disk

import (
	"sync"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

// sums are the hashes of a piece, of the versions that the torrent has.
type sums struct {
	v1 metainfo.Hash
	v2 metainfo.Hash256
}

// partLen is how much of a piece is read and hashed at a time: whole blocks.
const partLen = 16 * hashing.BlockSize

// summer computes the sums of pieces, one after the other or two at once.
type summer struct {
	d     *Disk
	buf   [2][]byte
	piece *hashing.Piece
	pair  *hashing.Pair1 // of two pieces of version 1
}

func newSummer(d *Disk) *summer {
	s := &summer{d: d, buf: [2][]byte{make([]byte, partLen)}}
	s.piece = hashing.NewPiece(d.info.V1, d.info.V2, int(d.info.PieceLength))
	if !d.info.V2 {
		s.pair = hashing.NewPair1()
		s.buf[1] = make([]byte, partLen)
	}
	return s
}

// sum reads and hashes a piece.
func (s *summer) sum(piece int) (sums, error) {
	s.piece.Reset()
	r := s.d.pieceReader(piece)
	for left := s.d.info.Pieces.Size(piece); left > 0; {
		part := s.buf[0][:min(left, partLen)]
		if err := r.fill(part); err != nil {
			return sums{}, err
		}
		s.piece.Write(part)
		left -= len(part)
	}
	return s.end(piece), nil
}

// end returns the sums of what was written as the piece.
func (s *summer) end(piece int) (sum sums) {
	width := 1
	if s.d.info.V2 {
		width = s.d.info.LeafCount(piece)
	}
	sum.v1, sum.v2 = s.piece.Sum(s.d.info.Pieces.Pad(piece), width)
	return sum
}

// pairs reports whether two pieces can be given to sumPair.
func (s *summer) pairs(a, b int) bool {
	return s.pair != nil && s.d.info.Pieces.Size(a) == s.d.info.Pieces.Size(b)
}

// sumPair reads and hashes two pieces, in less time than sum takes for each.
// The error is of either.
func (s *summer) sumPair(a, b int) (x, y sums, err error) {
	s.pair.Reset()
	r, q := s.d.pieceReader(a), s.d.pieceReader(b)
	for left := s.d.info.Pieces.Size(a); left > 0; {
		n := min(left, partLen)
		if err = r.fill(s.buf[0][:n]); err == nil {
			err = q.fill(s.buf[1][:n])
		}
		if err != nil {
			return x, y, err
		}
		s.pair.Write(s.buf[0][:n], s.buf[1][:n])
		left -= n
	}
	x.v1, y.v1 = s.pair.Sum()
	return x, y, nil
}

// zeroSums remembers the sums of pieces that are nothing but zeros.
type zeroSums struct {
	mu     sync.Mutex
	byForm map[[3]int]sums
}

// get returns what s.sum would, if the piece were zeros.
func (z *zeroSums) get(s *summer, piece int) sums {
	info := s.d.info
	form := [3]int{info.Pieces.Size(piece), info.Pieces.Pad(piece)}
	if info.V2 {
		form[2] = info.LeafCount(piece)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	sum, ok := z.byForm[form]
	if !ok {
		s.piece.Reset()
		clear(s.buf[0])
		for left := form[0]; left > 0; left -= partLen {
			s.piece.Write(s.buf[0][:min(left, partLen)])
		}
		sum = s.end(piece)
		if z.byForm == nil {
			z.byForm = make(map[[3]int]sums)
		}
		z.byForm[form] = sum
	}
	return sum
}
