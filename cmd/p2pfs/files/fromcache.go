//go:build linux

package files

import (
	"sync"

	"p2pfs/swarm/metainfo"
)

// FromCache are the infohashes of members' files whose running torrents have
// the cache for their storage. The zero value is ready.
type fromCache struct {
	mu     sync.Mutex
	hashes map[metainfo.Hash]int // how many storages are open
}

func (c *fromCache) add(ih metainfo.Hash, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hashes == nil {
		c.hashes = map[metainfo.Hash]int{}
	}
	if c.hashes[ih] += n; c.hashes[ih] == 0 {
		delete(c.hashes, ih)
	}
}

func (c *fromCache) All() (out []metainfo.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ih := range c.hashes {
		out = append(out, ih)
	}
	return out
}

// noted is a storage in the cache that FromCache knows of.
type noted struct {
	*storage
	closed func()
}

func (s *noted) Close() error {
	s.closed()
	return s.storage.Close()
}
