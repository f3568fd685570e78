package swarm

import (
	"sync"
	"sync/atomic"

	"p2pfs/swarm/metainfo"
)

// cached is a torrent's Storage in a PieceStore that many torrents share.
type cached struct {
	store  PieceStore
	info   *metainfo.Info
	layers atomic.Pointer[metainfo.Layers]
	// padded are the names of a hybrid's pieces with padding that came
	// before their layer. Their SHA-1 cannot name them: it is of the piece
	// with its padding, which is not kept.
	padded sync.Map // from int to [33]byte
}

// Cached returns a Storage that keeps the torrent's pieces in store.
func Cached(store PieceStore, m *metainfo.MetaInfo) Storage {
	c := &cached{store: store, info: m.Info}
	c.SetLayers(m.Layers)
	return c
}

func (c *cached) SetLayers(l metainfo.Layers) { c.layers.Store(&l) }

// find returns the name under which a piece is in the store. A hybrid's may be
// there by its SHA-1, if it came before its layer.
func (c *cached) find(piece int) ([33]byte, bool) {
	k, ok := PieceKey(c.info, *c.layers.Load(), piece)
	if !ok || c.store.Has(k) || !c.info.V1 || !c.info.V2 {
		return k, ok
	}
	if k, ok := c.padded.Load(piece); ok {
		return k.([33]byte), true
	}
	return sha1Key(c.info, piece), true
}

func (c *cached) Has(piece int) bool {
	k, ok := c.find(piece)
	return ok && c.store.Has(k)
}

func (c *cached) ReadAt(p []byte, piece int, begin int64) (int, error) {
	k, ok := c.find(piece)
	if !ok {
		return 0, ErrMissing
	}
	return c.store.ReadAt(k, p, begin)
}

func (c *cached) WritePiece(piece int, blocks [][]byte) error {
	k, ok := PieceKey(c.info, *c.layers.Load(), piece)
	if !ok {
		return ErrMissing
	}
	if k[0] == '1' && c.info.PadSize(piece) > 0 {
		leaves := make([]metainfo.Hash256, len(blocks))
		for i, b := range blocks {
			leaves[i] = metainfo.BlockHash(b)
		}
		k = rootKey(metainfo.Root(leaves, c.info.LeafCount(piece)))
		c.padded.Store(piece, k)
	}
	return c.store.Put(k, blocks)
}

func (c *cached) Close() error { return nil }
