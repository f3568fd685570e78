package disk

import (
	"errors"

	"p2pfs/swarm/metainfo"
)

// WritePiece keeps a piece, given as its blocks end to end, that the caller
// has verified and does not change meanwhile. A held piece is not written
// again. An error names the file and the cause (disk full); the piece is not
// held then.
func (d *Disk) WritePiece(piece int, blocks [][]byte) error {
	if piece < 0 || piece >= d.info.Pieces.Count() {
		return ErrRange
	}
	if d.cfg.Dir == "" {
		return ErrReadOnly
	}
	var size int64
	for _, b := range blocks {
		size += int64(len(b))
	}
	if size != int64(d.info.Pieces.Size(piece)) {
		return ErrPiece
	}
	if d.have.get(piece) {
		return nil
	}
	spans := d.info.Pieces.Spans(piece, 0, size)
	err := d.writeSpans(piece, spans, blocks)
	if errors.Is(err, errGone) {
		err = d.writeSpans(piece, spans, blocks)
	}
	return err
}

func (d *Disk) writeSpans(piece int, spans []metainfo.Span, blocks [][]byte) error {
	lost := d.files.lostCount(spans)
	for _, s := range spans {
		var part [][]byte
		part, blocks = cut(blocks, s.Length)
		if d.info.Files[s.File].Pad {
			continue
		}
		if err := d.files.write(part, s.File, s.Offset); err != nil {
			return err
		}
	}
	d.have.set(piece)
	// A file may have been lost between the write and now. Whoever loses it
	// from now on clears the bit that was just set.
	if lost < 0 || d.files.lostCount(spans) != lost {
		d.have.clear(piece)
		return d.files.at.pathError(spans[0].File, errGone)
	}
	return nil
}

// cut divides blocks, which are at least n bytes, behind the first n. The
// slices it returns share their bytes with blocks, not the headers.
func cut(blocks [][]byte, n int64) (head, tail [][]byte) {
	for i, b := range blocks {
		if n == int64(len(b)) {
			return blocks[:i+1], blocks[i+1:]
		}
		if n < int64(len(b)) {
			head = append(blocks[:i:i], b[:n])
			return head, append([][]byte{b[n:]}, blocks[i+1:]...)
		}
		n -= int64(len(b))
	}
	return blocks, nil
}
