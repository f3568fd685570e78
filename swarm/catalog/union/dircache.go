package union

import (
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/lru"
	"slices"
	"sync"
)

// dirCacheEntries bounds the entries of merged directories kept in memory.
const dirCacheEntries = 300_000

// dirCache keeps merged directories from view to view. Safe for concurrent
// use: all views of a drive share it, from any goroutine, so that it cannot
// belong to State's.
type dirCache struct {
	mu   sync.Mutex // guards dirs; held for map accesses only
	dirs *lru.Map[dirKey, *merged]
}

// dirKey names a directory; member is zero but in exact views.
type dirKey struct {
	member catalog.Key
	path   string
}

func newDirCache() *dirCache {
	return &dirCache{dirs: lru.New[dirKey, *merged](dirCacheEntries)}
}

func (v *View) dirKey(at place) dirKey {
	k := dirKey{path: at.path}
	if v.exact {
		k.member = v.members[0].Who.Key
	}
	return k
}

// get returns the merge of a directory if it is what v would make of it.
func (c *dirCache) get(at place, v *View) *merged {
	c.mu.Lock()
	d, ok := c.dirs.Get(v.dirKey(at))
	c.mu.Unlock()
	if !ok || !slices.Equal(d.parts, at.parts) {
		return nil
	}
	return d
}

// add keeps the merge of a directory, also one that has no room beside others.
func (c *dirCache) add(at place, v *View, d *merged) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirs.Put(v.dirKey(at), d, min(len(d.shown)+16, dirCacheEntries))
}
