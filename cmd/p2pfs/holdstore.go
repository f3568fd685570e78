//go:build linux

package main

import (
	"p2pfs/swarm"
	"p2pfs/swarm/metainfo"
)

// storage keeps a torrent's pieces in the cache and notes which are held.
type storage struct {
	*swarm.CachedStorage
	hs *holdings
	h  *holding
}

// storage is the Storage of Specs whose pieces go into the cache.
func (hs *holdings) storage(m *metainfo.MetaInfo) (swarm.Storage, error) {
	h := hs.holding(m)
	hs.find(h, m.Layers)
	return &storage{CachedStorage: swarm.Cached(hs.cache, m), hs: hs, h: h}, nil
}

// WritePiece stores the piece, notes it, and keeps the metainfo with the
// first one.
func (s *storage) WritePiece(piece int, blocks [][]byte) error {
	k, ok := s.Key(piece)
	if ok {
		s.hs.pins.coming(s.h.info, piece, k)
	}
	if err := s.CachedStorage.WritePiece(piece, blocks); err != nil {
		return err
	}
	if k, ok = s.Key(piece); ok { // a hybrid's may have become known
		s.hs.pins.coming(s.h.info, piece, k)
		s.hs.note(s.h, piece, k)
	}
	layers := s.Layers()
	s.hs.mu.Lock()
	first := !s.h.saved
	m := *s.h.meta
	stored := s.hs.stored
	s.hs.mu.Unlock()
	if stored != nil {
		stored(s.h.info, piece)
	}
	if first && len(m.Info.MissingLayers(layers)) == 0 {
		m.Layers = layers
		s.hs.Save(metainfo.Hash{}, &m)
	}
	return nil
}
