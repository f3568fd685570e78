package disk

// ReadAt fills p from a piece, begin bytes into it. It returns len(p) or an
// error: ErrMissing for a piece that is not held (any longer), ErrRange, or
// the file's. What stands in p after an error is void.
func (d *Disk) ReadAt(p []byte, piece int, begin int64) (int, error) {
	if !d.inRange(piece, begin, int64(len(p))) {
		return 0, ErrRange
	}
	spans := d.info.Pieces.Spans(piece, begin, int64(len(p)))
	lost := d.files.lostCount(spans)
	if lost < 0 || !d.have.get(piece) {
		return 0, ErrMissing
	}
	n := 0
	for _, s := range spans {
		part := p[n : n+int(s.Length)]
		n += len(part)
		if d.info.Files[s.File].Pad {
			clear(part)
		} else if err := d.files.read(part, s.File, s.Offset); err != nil {
			return 0, err
		}
	}
	switch {
	case n < len(p):
		return 0, ErrRange
	case d.files.lostCount(spans) != lost:
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
