package trackers

import (
	"hash/maphash"
	"slices"
	"sync"

	"p2pfs/swarm/metainfo"
)

// maxInfoHashes bounds a set: 32 MiB. More are not entered.
const maxInfoHashes = 4 << 20

// infoHashes is a large set of infohashes in eight bytes each: a few that are
// not in it may be taken for some that are. Nothing is ever taken out; when too
// much of it is out of date it is made anew. Safe for concurrent use.
type infoHashes struct {
	seed maphash.Seed

	mu    sync.RWMutex // guards what follows; held for as long as it takes to sort them
	base  []uint64     // sorted
	fresh map[uint64]struct{}
}

func newInfoHashes() *infoHashes {
	return &infoHashes{seed: maphash.MakeSeed(), fresh: map[uint64]struct{}{}}
}

func (s *infoHashes) key(ih metainfo.Hash) uint64 { return maphash.Bytes(s.seed, ih[:]) }

// has reports whether an infohash was entered.
func (s *infoHashes) has(ih metainfo.Hash) bool {
	k := s.key(ih)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if _, ok := s.fresh[k]; ok {
		return true
	}
	_, ok := slices.BinarySearch(s.base, k)
	return ok
}

// full reports whether there was no room for some: nothing is known then of those
// that it has not.
func (s *infoHashes) full() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.base)+len(s.fresh) >= maxInfoHashes
}

// add enters an infohash.
func (s *infoHashes) add(ih metainfo.Hash) {
	k := s.key(ih)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.base)+len(s.fresh) >= maxInfoHashes {
		return
	}
	s.fresh[k] = struct{}{}
	if len(s.fresh) < 4096+len(s.base)/8 {
		return
	}
	for k := range s.fresh {
		s.base = append(s.base, k)
	}
	slices.Sort(s.base)
	s.base = slices.Compact(s.base)
	clear(s.fresh)
}
