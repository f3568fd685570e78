//go:build linux

package files

import (
	"log/slog"
	"path/filepath"
	"sync/atomic"

	"p2pfs/cache"
	"p2pfs/swarm"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
)

// Holdings is the cache with what is known of its pieces. Fields are immutable but
// for the atomic one.
type Holdings struct {
	cache    *cache.Store
	Index    *held.Index
	Sidecars *held.Sidecars
	Pins     *held.Pins
	Told     atomic.Pointer[Events] // nil: nobody
}

// Events are told what the cache has no more, and what it has now.
type Events struct {
	Lost   func(k held.Key, of []held.Piece)
	Stored func(info *metainfo.Info, piece int)
}

// OpenHoldings reads from a state directory what was in the cache when the mount
// ended, and what is pinned.
func OpenHoldings(state string, store *cache.Store, log *slog.Logger) (*Holdings, error) {
	hs := &Holdings{cache: store, Index: held.NewIndex(store)}
	var err error
	if hs.Sidecars, err = held.OpenSidecars(filepath.Join(state, "torrents"), hs.Index, log); err != nil {
		return nil, err
	}
	if hs.Pins, err = held.OpenPins(filepath.Join(state, "pins"), store, hs.Index); err != nil {
		return nil, err
	}
	return hs, nil
}

// Close waits until all is on disk.
func (hs *Holdings) Close() error { return hs.Sidecars.Close() }

// Evicted is the cache's word that a piece is gone.
func (hs *Holdings) Evicted(k held.Key) {
	gone := hs.Index.Evicted(k)
	if to := hs.Told.Load(); to != nil {
		to.Lost(k, gone)
	}
}

// Storage is the Storage of Specs whose pieces go into the cache.
func (hs *Holdings) Storage(m *metainfo.MetaInfo) (swarm.Storage, error) {
	return &storage{CachedStorage: swarm.Cached(hs.cache, m), hs: hs, info: m.Info, held: hs.Index.Add(m)}, nil
}

// storage keeps a torrent's pieces in the cache and notes which are held.
type storage struct {
	*swarm.CachedStorage
	hs   *Holdings
	info *metainfo.Info
	held *held.Torrent
}

// WritePiece stores the piece, notes it, and keeps the metainfo with the first one.
func (s *storage) WritePiece(piece int, blocks [][]byte) error {
	k, ok := s.Key(piece)
	if ok {
		s.hs.Pins.Storing(s.info, piece, k)
	}
	if err := s.CachedStorage.WritePiece(piece, blocks); err != nil {
		return err
	}
	if k, ok = s.Key(piece); ok { // a hybrid's may have become known
		s.hs.Pins.Storing(s.info, piece, k)
		s.hs.Index.Stored(s.held, piece, k)
	}
	if to := s.hs.Told.Load(); to != nil {
		to.Stored(s.info, piece)
	}
	s.hs.Sidecars.Keep(s.held, s.Layers())
	return nil
}
