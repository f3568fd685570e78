package disk

import (
	"crypto/sha1"
	"errors"
	"hash"
	"io"
	"io/fs"
	"sync"

	"p2pfs/swarm/metainfo"
)

// sums are the hashes of a piece, of the versions that the torrent has.
type sums struct {
	v1 metainfo.Hash
	v2 metainfo.Hash256
}

// partLen is how much is read and hashed at a time: whole blocks.
const partLen = 16 * metainfo.BlockSize

// summer computes the sums of pieces, one after the other.
type summer struct {
	d      *Disk
	buf    []byte
	sha1   hash.Hash
	leaves []metainfo.Hash256
}

func newSummer(d *Disk) *summer {
	return &summer{d: d, buf: make([]byte, partLen), sha1: sha1.New()}
}

// errShort says that a file ends within the piece or is not there.
var errShort = errors.New("file is too short")

// sum reads and hashes a piece.
func (s *summer) sum(piece int) (sums, error) {
	s.reset()
	spans := s.d.info.Spans(piece, 0, int64(s.d.info.PieceSize(piece)))
	for _, span := range spans {
		if err := s.span(span); err != nil {
			return sums{}, err
		}
	}
	return s.end(piece), nil
}

func (s *summer) span(span metainfo.Span) error {
	if s.d.info.Files[span.File].Pad {
		s.zeros(span.Length)
		return nil
	}
	h, err := s.d.acquire(span.File, false)
	if errors.Is(err, fs.ErrNotExist) {
		return errShort
	}
	if err != nil {
		return err
	}
	defer h.unref()
	for end := span.Offset + span.Length; span.Offset < end; {
		part := s.buf[:min(end-span.Offset, partLen)]
		if _, err := h.f.ReadAt(part, span.Offset); err == io.EOF {
			return errShort
		} else if err != nil {
			return s.d.pathError(span.File, err)
		}
		s.add(part)
		span.Offset += int64(len(part))
	}
	return nil
}

func (s *summer) reset() {
	s.sha1.Reset()
	s.leaves = s.leaves[:0]
}

// add adds a part of the piece: with version 2 whole blocks, or the piece's end.
func (s *summer) add(part []byte) {
	if s.d.info.V1 {
		s.sha1.Write(part)
	}
	if s.d.info.V2 {
		s.leaves = metainfo.AppendLeaves(s.leaves, part)
	}
}

func (s *summer) zeros(n int64) {
	clear(s.buf)
	for ; n > 0; n -= partLen {
		s.add(s.buf[:min(n, partLen)])
	}
}

// end returns the sums of what was added as the piece.
func (s *summer) end(piece int) (sum sums) {
	if s.d.info.V2 {
		sum.v2 = metainfo.Root(s.leaves, s.d.info.LeafCount(piece))
	}
	if s.d.info.V1 {
		clear(s.buf)
		for pad := s.d.info.PadSize(piece); pad > 0; pad -= partLen {
			s.sha1.Write(s.buf[:min(pad, partLen)])
		}
		s.sha1.Sum(sum.v1[:0])
	}
	return sum
}

// zeroSums remembers the sums of pieces that are nothing but zeros.
type zeroSums struct {
	mu     sync.Mutex
	byForm map[[3]int]sums
}

// get returns what s.sum would, if the piece were zeros.
func (z *zeroSums) get(s *summer, piece int) sums {
	info := s.d.info
	form := [3]int{info.PieceSize(piece), info.PadSize(piece)}
	if info.V2 {
		form[2] = info.LeafCount(piece)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	sum, ok := z.byForm[form]
	if !ok {
		s.reset()
		s.zeros(int64(form[0]))
		sum = s.end(piece)
		if z.byForm == nil {
			z.byForm = make(map[[3]int]sums)
		}
		z.byForm[form] = sum
	}
	return sum
}

// verdict is what can be said of a piece by its sums.
type verdict int

const (
	bad verdict = iota
	good
	unsure // its hash is in a piece layer that is not known
)

func (d *Disk) judge(piece int, sum sums) verdict {
	if d.info.V1 && sum.v1 != d.info.PieceHash1(piece) {
		return bad
	}
	if !d.info.V2 {
		return good
	}
	want, ok := d.info.PieceHash2(*d.layers.Load(), piece)
	switch {
	case ok && want != sum.v2:
		return bad
	case ok || d.info.V1:
		return good
	}
	return unsure
}

// orphans are version 2 hashes of pieces on disk that nothing is known to
// compare with, until the piece layer comes.
type orphans struct {
	mu     sync.Mutex
	hashes map[int]metainfo.Hash256
}

func (o *orphans) add(piece int, hash metainfo.Hash256) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.hashes == nil {
		o.hashes = make(map[int]metainfo.Hash256)
	}
	o.hashes[piece] = hash
}

// take returns and forgets the hashes of n pieces from first on.
func (o *orphans) take(first, n int) map[int]metainfo.Hash256 {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := make(map[int]metainfo.Hash256)
	for p := first; p < first+n; p++ {
		if h, ok := o.hashes[p]; ok {
			out[p] = h
			delete(o.hashes, p)
		}
	}
	return out
}

// adopt looks at the orphans again: with the layers that are known now, and
// as a whole layer, for where a file is complete its pieces are their proof.
func (d *Disk) adopt() {
	layers := *d.layers.Load()
	for file := range d.info.Files {
		first, n := d.info.FilePieces(file)
		f := &d.info.Files[file]
		if !d.info.V2 || f.Pad || n < 2 {
			continue
		}
		layer := layers[f.Root]
		hashes := d.orphan.take(first, n)
		if layer == nil && len(hashes) == n {
			own := make([]metainfo.Hash256, n)
			for p, h := range hashes {
				own[p-first] = h
			}
			if d.info.CheckLayer(f.Root, own) == nil {
				layer = own
			}
		}
		for p, h := range hashes {
			switch {
			case layer == nil:
				d.orphan.add(p, h)
			case layer[p-first] == h:
				d.have.set(p)
			}
		}
	}
}
