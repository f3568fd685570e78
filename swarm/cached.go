package swarm

import (
	"sync/atomic"

	"p2pfs/swarm/metainfo"
)

// cached is a torrent's Storage in a PieceStore that many torrents share.
type cached struct {
	store  PieceStore
	info   *metainfo.Info
	layers atomic.Pointer[metainfo.Layers]
}

// Cached returns a Storage that keeps the torrent's pieces in store.
func Cached(store PieceStore, m *metainfo.MetaInfo) Storage {
	c := &cached{store: store, info: m.Info}
	c.SetLayers(m.Layers)
	return c
}

func (c *cached) SetLayers(l metainfo.Layers) { c.layers.Store(&l) }

func (c *cached) key(piece int) ([33]byte, bool) {
	return PieceKey(c.info, *c.layers.Load(), piece)
}

func (c *cached) Has(piece int) bool {
	k, ok := c.key(piece)
	return ok && c.store.Has(k)
}

func (c *cached) ReadAt(p []byte, piece int, begin int64) (int, error) {
	k, ok := c.key(piece)
	if !ok {
		return 0, ErrMissing
	}
	return c.store.ReadAt(k, p, begin)
}

func (c *cached) WritePiece(piece int, blocks [][]byte) error {
	k, ok := c.key(piece)
	if !ok {
		return ErrMissing
	}
	// A hybrid's SHA-1 names the piece with its padding, which is not
	// kept: such a piece has a SHA-256 name or none.
	if k[0] == '1' && c.info.PadSize(piece) > 0 {
		return ErrMissing
	}
	return c.store.Put(k, blocks)
}

func (c *cached) Close() error { return nil }
