//go:build linux

package main

import (
	"log/slog"
	"path/filepath"
	"sync/atomic"

	"p2pfs/cache"
	"p2pfs/swarm"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
)

// holdings is the cache with what is known of its pieces. Fields are immutable but
// for the atomic one.
type holdings struct {
	cache    *cache.Store
	index    *held.Index
	sidecars *held.Sidecars
	pins     *held.Pins
	told     atomic.Pointer[holdingsEvents] // nil: nobody
}

// holdingsEvents are told what the cache has no more, and what it has now.
type holdingsEvents struct {
	lost   func(k held.Key, of []held.Piece)
	stored func(info *metainfo.Info, piece int)
}

// openHoldings reads from a state directory what was in the cache when the mount
// ended, and what is pinned.
func openHoldings(state string, store *cache.Store, log *slog.Logger) (*holdings, error) {
	hs := &holdings{cache: store, index: held.NewIndex(store)}
	var err error
	if hs.sidecars, err = held.OpenSidecars(filepath.Join(state, "torrents"), hs.index, log); err != nil {
		return nil, err
	}
	if hs.pins, err = held.OpenPins(filepath.Join(state, "pins"), store, hs.index); err != nil {
		return nil, err
	}
	return hs, nil
}

// Close waits until all is on disk.
func (hs *holdings) Close() error { return hs.sidecars.Close() }

// evicted is the cache's word that a piece is gone.
func (hs *holdings) evicted(k held.Key) {
	gone := hs.index.Evicted(k)
	if to := hs.told.Load(); to != nil {
		to.lost(k, gone)
	}
}

// storage is the Storage of Specs whose pieces go into the cache.
func (hs *holdings) storage(m *metainfo.MetaInfo) (swarm.Storage, error) {
	return &storage{CachedStorage: swarm.Cached(hs.cache, m), hs: hs, info: m.Info, held: hs.index.Add(m)}, nil
}

// storage keeps a torrent's pieces in the cache and notes which are held.
type storage struct {
	*swarm.CachedStorage
	hs   *holdings
	info *metainfo.Info
	held *held.Torrent
}

// WritePiece stores the piece, notes it, and keeps the metainfo with the first one.
func (s *storage) WritePiece(piece int, blocks [][]byte) error {
	k, ok := s.Key(piece)
	if ok {
		s.hs.pins.Storing(s.info, piece, k)
	}
	if err := s.CachedStorage.WritePiece(piece, blocks); err != nil {
		return err
	}
	if k, ok = s.Key(piece); ok { // a hybrid's may have become known
		s.hs.pins.Storing(s.info, piece, k)
		s.hs.index.Stored(s.held, piece, k)
	}
	if to := s.hs.told.Load(); to != nil {
		to.stored(s.info, piece)
	}
	s.hs.sidecars.Keep(s.held, s.Layers())
	return nil
}
