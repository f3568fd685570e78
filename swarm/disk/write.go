package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

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

// errGone says that a file was removed while it was written to.
var errGone = fmt.Errorf("file was removed: %w", fs.ErrNotExist)

func (d *Disk) writeSpans(piece int, spans []metainfo.Span, blocks [][]byte) error {
	lost := d.lostCount(spans)
	for _, s := range spans {
		var part [][]byte
		part, blocks = cut(blocks, s.Length)
		if d.info.Files[s.File].Pad {
			continue
		}
		if err := d.writeFile(part, s.File, s.Offset); err != nil {
			return err
		}
	}
	d.have.set(piece)
	// A file may have been lost between the write and now. Whoever loses it
	// from now on clears the bit that was just set.
	if lost < 0 || d.lostCount(spans) != lost {
		d.have.clear(piece)
		return d.pathError(spans[0].File, errGone)
	}
	return nil
}

// lostCount changes when one of the files is lost. It is negative while one
// is being lost.
func (d *Disk) lostCount(spans []metainfo.Span) (n int64) {
	for _, s := range spans {
		lost := d.files[s.File].lost.Load()
		if lost%2 == 1 {
			return -1
		}
		n += lost
	}
	return n
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

func (d *Disk) writeFile(blocks [][]byte, file int, off int64) error {
	st := &d.files[file]
	if st.seal.Load() != nil { // nobody may take our change for somebody else's
		st.seal.Store(nil)
	}
	h, err := d.acquire(file, true)
	if err != nil {
		return err
	}
	defer h.unref()
	st.dirty.Store(true)
	st.known.Store(true)
	for len(blocks) > 0 {
		n, err := d.writev(h.f, blocks, off)
		if err == nil && n == 0 && len(blocks[0]) > 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			return d.pathError(file, &fs.PathError{Op: "write", Err: err})
		}
		off += int64(n)
		_, blocks = cut(blocks, int64(n))
	}
	if _, linked, err := identify(h.f); err == nil && !linked {
		d.lose(file, nil)
		return d.pathError(file, errGone)
	}
	return nil
}
