//go:build linux

package main

import (
	"sync"

	"p2pfs/swarm"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share"
)

// fromCache are the infohashes of members' files whose running torrents have
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

func (c *fromCache) all() (out []metainfo.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ih := range c.hashes {
		out = append(out, ih)
	}
	return out
}

// noted is a storage in the cache that fromCache knows of.
type noted struct {
	*storage
	closed func()
}

func (s *noted) Close() error {
	s.closed()
	return s.storage.Close()
}

// fileStorage is the Storage of a member's file that is not in the share
// directory.
func (m *member) fileStorage(meta *metainfo.MetaInfo) (swarm.Storage, error) {
	st, err := m.holdings.storage(meta)
	if err != nil {
		return nil, err
	}
	ih := meta.Info.InfoHashes()[0]
	m.fromCache.add(ih, 1)
	return &noted{st.(*storage), sync.OnceFunc(func() { m.fromCache.add(ih, -1) })}, nil
}

// overtake ends torrents out of the cache whose file has appeared in the share
// directory. Peers would find pieces missing in them that are all here, for as
// long as they keep asking; their next connection, and readers that wait, find
// the share directory.
func (m *member) overtake() {
	for _, ih := range m.fromCache.all() {
		if _, _, ok := m.share.Lookup(ih); !ok {
			continue
		}
		if t := m.client.Torrent(ih); t != nil {
			m.log.Debug("torrent goes on from the share directory", "infohash", ih)
			m.wg.Go(func() { t.Close() })
		}
	}
}

// sharedSpec is the torrent of a file that is in the share directory after all.
func (m *member) sharedSpec(of metainfo.Content) (swarm.Spec, bool) {
	f, ok := m.share.ByContent(of)
	if !ok {
		return swarm.Spec{}, false
	}
	meta, err := m.share.MetaInfo(f, share.V2)
	if err != nil {
		return swarm.Spec{}, false
	}
	return m.shareSpec(meta, f), true
}
