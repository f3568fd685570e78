package disk

import (
	"p2pfs/swarm/metainfo"
)

// pieceReader reads a piece's bytes one after the other, whether they are
// known or not.
type pieceReader struct {
	d     *Disk
	spans []metainfo.Span // what is left
}

func (d *Disk) pieceReader(piece int) *pieceReader {
	return &pieceReader{d, d.info.Pieces.Spans(piece, 0, int64(d.info.Pieces.Size(piece)))}
}

// fill reads the next bytes, all that p has room for.
func (r *pieceReader) fill(p []byte) error {
	for len(p) > 0 {
		if len(r.spans) == 0 {
			return errShort
		}
		s := &r.spans[0]
		part := p[:min(int64(len(p)), s.Length)]
		if err := r.d.files.readAny(part, s.File, s.Offset); err != nil {
			return err
		}
		p = p[len(part):]
		s.Offset += int64(len(part))
		if s.Length -= int64(len(part)); s.Length == 0 {
			r.spans = r.spans[1:]
		}
	}
	return nil
}
