package swarm

import (
	"errors"
	"sync"
	"sync/atomic"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
)

// ErrMissing is returned for a piece that is not held.
var ErrMissing = errors.New("piece is not here")

// Storage is where the verified pieces of one torrent are. It must be safe
// for concurrent use.
type Storage interface {
	// Has reports whether the piece is held.
	Has(piece int) bool
	// ReadAt fills p from the piece, beginning begin bytes into it. It
	// answers in full or with an error: ErrMissing, or one of the storage's
	// own, if the piece is not held. It is asked without Has before it.
	ReadAt(p []byte, piece int, begin int64) (int, error)
	// WritePiece keeps a piece, given as its blocks, that the engine has
	// verified. It does not keep the slices.
	WritePiece(piece int, blocks [][]byte) error
	Close() error
}

// LayerStorage is a Storage that names pieces by their hash and so must be
// told of piece layers that came after it was made (BEP 52).
type LayerStorage interface {
	SetLayers(metainfo.Layers)
}

// PieceHashStorage is a Storage that names pieces by their hash and takes the
// hash of single ones, known by a proof while the layer is not here.
type PieceHashStorage interface {
	SetPieceHash(piece int, hash metainfo.Hash256)
}

// DoubtStorage is a Storage that can look again whether it has what it believes
// to have. A bad piece is dropped, and the error says so. Doubt reads the piece
// and blocks as long.
type DoubtStorage interface {
	Doubt(piece int) error
}

// PieceStore keeps pieces of any torrent under their hash: '1' and the
// SHA-1, or '2' and the SHA-256 merkle root. Package cache has one.
type PieceStore interface {
	// Size returns the length in bytes of a piece that is there: of a piece
	// with that hash, but not of that length, there is nothing to be had.
	Size(key [33]byte) (int64, bool)
	ReadAt(key [33]byte, p []byte, off int64) (int, error)
	// Put keeps a piece, in place of one of another length.
	Put(key [33]byte, blocks [][]byte) error
}

// CachedStorage is a torrent's Storage in a PieceStore that many torrents
// share.
type CachedStorage struct {
	store  PieceStore
	info   *metainfo.Info
	layers atomic.Pointer[metainfo.Layers]

	mu     sync.RWMutex // guards proven
	proven map[int]metainfo.Hash256
}

// Cached returns a Storage that keeps the torrent's pieces in store.
func Cached(store PieceStore, m *metainfo.MetaInfo) *CachedStorage {
	c := &CachedStorage{store: store, info: m.Info, proven: map[int]metainfo.Hash256{}}
	c.SetLayers(m.Layers)
	return c
}

// SetLayers is part of LayerStorage.
func (c *CachedStorage) SetLayers(l metainfo.Layers) { c.layers.Store(&l) }

// SetPieceHash is part of PieceHashStorage.
func (c *CachedStorage) SetPieceHash(piece int, h metainfo.Hash256) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.proven[piece] = h
}

// Key names a piece in the store; false while its hash is not known.
func (c *CachedStorage) Key(piece int) (key [33]byte, ok bool) {
	c.mu.RLock()
	h, ok := c.proven[piece]
	c.mu.RUnlock()
	if ok {
		return held.RootKey(h), true
	}
	return held.PieceKey(c.info, *c.layers.Load(), piece)
}

// find returns the name under which a piece is in the store; false if it is not
// there. A hybrid's may be there by its SHA-1, if it came when nothing was known
// of its SHA-256.
func (c *CachedStorage) find(piece int) ([33]byte, bool) {
	k, ok := c.Key(piece)
	if ok && c.has(k, piece) {
		return k, true
	}
	if ok && c.info.V1 && c.info.V2 {
		k = held.SHA1Key(c.info, piece)
		return k, c.has(k, piece)
	}
	return k, false
}

// Layers are those known now.
func (c *CachedStorage) Layers() metainfo.Layers { return *c.layers.Load() }

// Has is part of Storage.
func (c *CachedStorage) Has(piece int) bool {
	_, ok := c.find(piece)
	return ok
}

// has reports whether the store has the piece under that name. A hash tree
// tells nothing of lengths: what has its root may be shorter or longer.
func (c *CachedStorage) has(k [33]byte, piece int) bool {
	size, ok := c.store.Size(k)
	return ok && size == int64(c.info.Pieces.Size(piece))
}

// ReadAt is part of Storage.
func (c *CachedStorage) ReadAt(p []byte, piece int, begin int64) (int, error) {
	k, ok := c.find(piece)
	if !ok {
		return 0, ErrMissing
	}
	return c.store.ReadAt(k, p, begin)
}

// WritePiece is part of Storage.
func (c *CachedStorage) WritePiece(piece int, blocks [][]byte) error {
	k, ok := c.Key(piece)
	if !ok {
		return ErrMissing
	}
	if k[0] == '1' && c.info.Pieces.Pad(piece) > 0 {
		// A hybrid's SHA-1 is of the piece with its padding, which is not
		// kept, so it cannot be its name.
		root := hashing.Root(hashing.Leaves(blocks), c.info.LeafCount(piece))
		c.SetPieceHash(piece, root)
		k = held.RootKey(root)
	}
	return c.store.Put(k, blocks)
}

// Doubt is part of DoubtStorage, for a store that can verify.
func (c *CachedStorage) Doubt(piece int) error {
	v, can := c.store.(interface{ Verify(key [33]byte) error })
	if !can {
		return nil
	}
	k, ok := c.find(piece)
	if !ok {
		return ErrMissing
	}
	return v.Verify(k)
}

// Close is part of Storage; the store stays open.
func (c *CachedStorage) Close() error { return nil }
