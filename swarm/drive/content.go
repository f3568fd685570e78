package drive

import "p2pfs/swarm/catalog"

// Content names the bytes of a file: its pieces root and its size. A root
// alone may be that of several files (see metainfo.Content).
type Content struct {
	Root catalog.Hash
	Size int64 // bytes
}

// content reads a Content, as who and holds have it.
func (f fields) content() (c Content, err error) {
	if c.Root, err = f.hash('r'); err != nil {
		return c, err
	}
	c.Size, err = f.int64('s', 1, catalog.MaxSize)
	return c, err
}

// appendContent appends the keys that content reads.
func appendContent(b []byte, c Content) []byte {
	b = appendBytes(append(b, "1:r"...), c.Root[:])
	return appendInt(append(b, "1:s"...), c.Size)
}
