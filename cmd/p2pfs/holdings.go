//go:build linux

package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/bits-and-blooms/bitset"

	"p2pfs/cache"
	"p2pfs/swarm"
	"p2pfs/swarm/durable"
	"p2pfs/swarm/metainfo"
)

// holdings knows which pieces of which torrents the cache has. It keeps the
// metainfo of each beside the cache, so that a restart finds its pieces
// without a peer. Safe for concurrent use.
type holdings struct {
	dir   string
	cache *cache.Store
	pins  *pins
	later *durable.Later // writes the metainfo
	log   *slog.Logger

	// mu guards what follows; it is not held across I/O.
	mu     sync.Mutex
	files  map[metainfo.Content]*holding // single-file v2 torrents
	byHash map[metainfo.Hash]*holding
	keys   map[cache.Key][]pieceRef
	// lost is told of evictions: gone, and the pieces of torrents that it was.
	lost   func(gone cache.Key, of []pieceRef)
	stored func(info *metainfo.Info, piece int)
}

// holding is what is held of one torrent. info is immutable, holdings' mu
// guards the rest.
type holding struct {
	info  *metainfo.Info
	meta  *metainfo.MetaInfo // replaced when layers have come
	held  *bitset.BitSet
	keys  map[int]cache.Key // of the held pieces
	bytes int64
	saved bool
}

type pieceRef struct {
	h     *holding
	piece int
}

// openHoldings reads the metainfo in dir and asks the cache for its pieces. A
// file that cannot be read is dropped: its pieces are found again when the
// torrent is.
func openHoldings(dir string, store *cache.Store, log *slog.Logger) (*holdings, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	hs := &holdings{
		dir: dir, cache: store, pins: newPins(store), later: durable.NewLater(log), log: log,
		files: map[metainfo.Content]*holding{}, byHash: map[metainfo.Hash]*holding{}, keys: map[cache.Key][]pieceRef{},
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		path := filepath.Join(dir, n.Name())
		if !strings.HasSuffix(n.Name(), sidecarSuffix) {
			os.Remove(path) // left by a crash
			continue
		}
		m, err := readTorrent(path)
		if err != nil {
			log.Warn("dropping unreadable metainfo", "path", path, "err", err)
			os.Remove(path)
			continue
		}
		h := hs.holding(m)
		h.saved = true
		hs.find(h, m.Layers)
	}
	return hs, nil
}

// holding returns the torrent's holding, made if it is new.
func (hs *holdings) holding(m *metainfo.MetaInfo) *holding {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for _, ih := range m.Info.InfoHashes() {
		if h := hs.byHash[ih]; h != nil {
			return h
		}
	}
	h := &holding{info: m.Info, meta: m, held: bitset.New(uint(m.Info.Pieces.Count())), keys: map[int]cache.Key{}}
	for _, ih := range m.Info.InfoHashes() {
		hs.byHash[ih] = h
	}
	if c, ok := singleFile(m.Info); ok && hs.files[c] == nil {
		hs.files[c] = h
	}
	return h
}

// singleFile is the content of a torrent of one file of version 2.
func singleFile(info *metainfo.Info) (metainfo.Content, bool) {
	if !info.V2 || !info.Single {
		return metainfo.Content{}, false
	}
	return info.Content(0), true
}

// has reports whether the cache has a piece under that name, and of that
// length.
func (hs *holdings) has(k cache.Key, length int) bool {
	size, ok := hs.cache.Size(k)
	return ok && size == int64(length)
}

// find notes the pieces that the cache has.
func (hs *holdings) find(h *holding, layers metainfo.Layers) {
	for i := range h.info.Pieces.Count() {
		if k, ok := swarm.PieceKey(h.info, layers, i); ok && hs.has(k, h.info.Pieces.Size(i)) {
			hs.note(h, i, k)
		}
	}
}

// note notes that a piece is held; also for the torrent of the same content
// under another name that answers for it.
func (hs *holdings) note(h *holding, piece int, k cache.Key) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	all := []*holding{h}
	if c, ok := singleFile(h.info); ok {
		if twin := hs.files[c]; twin != nil && twin != h && twin.info.PieceLength == h.info.PieceLength {
			all = append(all, twin)
		}
	}
	for _, h := range all {
		if !h.held.Test(uint(piece)) {
			h.held.Set(uint(piece))
			h.keys[piece] = k
			h.bytes += int64(h.info.Pieces.Size(piece))
			hs.keys[k] = append(hs.keys[k], pieceRef{h, piece})
		}
	}
}

// onChange sets what is told of pieces that the cache dropped, and stored.
func (hs *holdings) onChange(lost func(gone cache.Key, of []pieceRef), stored func(*metainfo.Info, int)) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.lost, hs.stored = lost, stored
}

// evicted is the cache's word that a piece is gone.
func (hs *holdings) evicted(k cache.Key) {
	hs.mu.Lock()
	refs := hs.keys[k]
	delete(hs.keys, k)
	for _, r := range refs {
		if r.h.held.Test(uint(r.piece)) {
			r.h.held.Clear(uint(r.piece))
			delete(r.h.keys, r.piece)
			r.h.bytes -= int64(r.h.info.Pieces.Size(r.piece))
		}
	}
	lost := hs.lost
	hs.mu.Unlock()
	if lost != nil {
		lost(k, refs)
	}
}

// keyOf names a piece of a torrent in the cache, and reports whether it is
// there. A name that is not known yet is the zero Key.
func (hs *holdings) keyOf(info *metainfo.Info, piece int) (k cache.Key, held bool) {
	hs.mu.Lock()
	h := hs.byHash[info.InfoHashes()[0]]
	if c, ok := singleFile(info); ok && h == nil {
		h = hs.files[c]
	}
	var layers metainfo.Layers
	if h != nil {
		layers = h.meta.Layers
		k = h.keys[piece]
	}
	hs.mu.Unlock()
	if k != (cache.Key{}) {
		return k, hs.has(k, info.Pieces.Size(piece))
	}
	k, ok := swarm.PieceKey(info, layers, piece)
	return k, ok && hs.has(k, info.Pieces.Size(piece))
}

// local is how many bytes are held of a file.
func (hs *holdings) local(c metainfo.Content) int64 {
	if c.Size <= metainfo.PieceLength(c.Size) { // its root names its only piece
		if hs.has(rootKey(c.Root), int(c.Size)) {
			return c.Size
		}
		return 0
	}
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if h := hs.files[c]; h != nil {
		return h.bytes
	}
	return 0
}

// pieces is the set of pieces held of a file; nil if there is none of it.
func (hs *holdings) pieces(c metainfo.Content) *bitset.BitSet {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if h := hs.files[c]; h != nil && h.held.Any() {
		return h.held.Clone()
	}
	return nil
}

// rootKey is the cache's name for a piece that is a whole file.
func rootKey(root metainfo.Hash256) (k cache.Key) {
	k[0] = '2'
	copy(k[1:], root[:])
	return k
}

// byInfoHash returns a torrent of which something is held.
func (hs *holdings) byInfoHash(ih metainfo.Hash) *metainfo.MetaInfo {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if h := hs.byHash[ih]; h != nil && h.held.Any() {
		return h.meta
	}
	return nil
}

// layersOf are the piece layers kept for a file, nil if there are none.
func (hs *holdings) layersOf(c metainfo.Content) metainfo.Layers {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if h := hs.files[c]; h != nil {
		return h.meta.Layers
	}
	return nil
}
