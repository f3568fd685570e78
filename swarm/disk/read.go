package disk

import (
	"errors"
	"io"
	"io/fs"
)

// ReadAt fills p from a piece, begin bytes into it. It returns len(p) or an
// error: ErrMissing for a piece that is not held (any longer), ErrRange, or
// the file's. What stands in p after an error is void.
func (d *Disk) ReadAt(p []byte, piece int, begin int64) (int, error) {
	if !d.inRange(piece, begin, int64(len(p))) {
		return 0, ErrRange
	}
	spans := d.info.Pieces.Spans(piece, begin, int64(len(p)))
	lost := d.lostCount(spans)
	if lost < 0 || !d.have.get(piece) {
		return 0, ErrMissing
	}
	n := 0
	for _, s := range spans {
		part := p[n : n+int(s.Length)]
		n += len(part)
		if d.info.Files[s.File].Pad {
			clear(part)
		} else if err := d.readFile(part, s.File, s.Offset); err != nil {
			return 0, err
		}
	}
	switch {
	case n < len(p):
		return 0, ErrRange
	case d.lostCount(spans) != lost:
		return 0, ErrMissing
	}
	return n, nil
}

// inRange reports whether a piece has n bytes at begin. The zeros of a
// hybrid's pad file count.
func (d *Disk) inRange(piece int, begin, n int64) bool {
	if piece < 0 || piece >= d.info.Pieces.Count() {
		return false
	}
	size := int64(d.info.Pieces.Size(piece) + d.info.Pieces.Pad(piece))
	return begin >= 0 && n >= 0 && begin <= size-n
}

// readFile fills p from a file that holds verified bytes there.
func (d *Disk) readFile(p []byte, file int, off int64) error {
	h, err := d.acquire(file, false)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotFile) {
			d.lose(file, nil)
			return ErrMissing
		}
		return err
	}
	defer h.unref()
	seal := d.files[file].seal.Load()
	if n := preadCached(h.f, p, off); n < len(p) {
		_, err = h.f.ReadAt(p[n:], off+int64(n))
	}
	// Looking after the read is enough: a writer moves the mtime before he
	// changes a byte.
	switch {
	case err == io.EOF || err == nil && seal != nil && !d.unchanged(h, seal):
		d.lose(file, seal)
		return ErrMissing
	case err != nil:
		return d.pathError(file, err)
	}
	return nil
}

// unchanged reports whether h's file is as seal says, or has another seal or
// none meanwhile because we are writing to it.
func (d *Disk) unchanged(h *handle, seal *ident) bool {
	id, linked, err := identify(h.f)
	if err == nil && linked && id == *seal {
		return true
	}
	st := &d.files[h.file]
	return st.seal.Load() != seal && st.known.Load()
}
