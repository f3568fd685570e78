package swarm

// Present reports whether n bytes from off can be read without waiting for a
// peer. It does not block.
func (r *Reader) Present(off, n int64) bool {
	c := r.t.content.Load()
	if c == nil || r.file < 0 || r.file >= len(c.info().Files) {
		return false
	}
	for end := min(off+n, c.info().Files[r.file].Length); off < end; {
		piece, begin := c.info().Pieces.At(r.file, off)
		left := int64(c.info().Pieces.Size(piece)) - begin
		if left <= 0 || !c.storage.Has(piece) {
			return false
		}
		off += left
	}
	return true
}
