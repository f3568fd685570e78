package share

import (
	"slices"
	"sync"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

// index finds published entries by hash. It is for incoming peers and readers,
// who must not wait for the loop: hence a lock, held for map operations only.
type index struct {
	mu     sync.RWMutex
	byHash multi[metainfo.Hash] // v1 infohash, and v2's short one
	byRoot multi[metainfo.Content]
	tiny   multi[metainfo.Hash256] // files of one block, whose SHA-256 their root is
}

// multi is a map of mostly one entry a key: equal files have the same hashes.
type multi[K comparable] struct {
	one  map[K]*entry
	more map[K][]*entry
}

func newIndex() *index {
	return &index{
		byHash: multi[metainfo.Hash]{map[metainfo.Hash]*entry{}, map[metainfo.Hash][]*entry{}},
		byRoot: multi[metainfo.Content]{map[metainfo.Content]*entry{}, map[metainfo.Content][]*entry{}},
		tiny:   multi[metainfo.Hash256]{map[metainfo.Hash256]*entry{}, map[metainfo.Hash256][]*entry{}},
	}
}

func (m multi[K]) add(k K, e *entry) {
	if _, ok := m.one[k]; !ok {
		m.one[k] = e
		return
	}
	m.more[k] = append(m.more[k], e)
}

func (m multi[K]) remove(k K, e *entry) {
	rest := m.more[k]
	if m.one[k] == e {
		if len(rest) == 0 {
			delete(m.one, k)
			return
		}
		m.one[k] = rest[len(rest)-1]
		rest = rest[:len(rest)-1]
	} else if i := slices.Index(rest, e); i >= 0 {
		rest[i] = rest[len(rest)-1]
		rest = rest[:len(rest)-1]
	}
	if len(rest) == 0 {
		delete(m.more, k)
	} else {
		m.more[k] = rest
	}
}

// apply takes the old entries out and puts the new ones in, in one step.
func (x *index) apply(deltas map[string]delta) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, d := range deltas {
		if d.old != nil && d.old.hashed() {
			x.byHash.remove(d.old.V1, d.old)
			x.byHash.remove(d.old.v2, d.old)
			x.byRoot.remove(d.old.Content(), d.old)
			if d.old.Size <= hashing.BlockSize {
				x.tiny.remove(d.old.Root, d.old)
			}
		}
		if d.new != nil && d.new.hashed() {
			x.byHash.add(d.new.V1, d.new)
			x.byHash.add(d.new.v2, d.new)
			x.byRoot.add(d.new.Content(), d.new)
			if d.new.Size <= hashing.BlockSize {
				x.tiny.add(d.new.Root, d.new)
			}
		}
	}
}

func (x *index) hash(ih metainfo.Hash) (*entry, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	e, ok := x.byHash.one[ih]
	return e, ok
}

// all returns all entries with these contents.
func (x *index) all(c metainfo.Content) []*entry {
	x.mu.RLock()
	defer x.mu.RUnlock()
	e, ok := x.byRoot.one[c]
	if !ok {
		return nil
	}
	return append([]*entry{e}, x.byRoot.more[c]...)
}

// entry returns that of a file as it is published.
func (x *index) entry(f File) (*entry, bool) {
	for _, e := range x.all(f.Content()) {
		if e.Path == f.Path {
			return e, true
		}
	}
	return nil, false
}

// first returns one entry with these contents.
func (x *index) first(c metainfo.Content) (*entry, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	e, ok := x.byRoot.one[c]
	return e, ok
}

// object returns one entry of at most a block with that SHA-256.
func (x *index) object(sum metainfo.Hash256) (*entry, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	e, ok := x.tiny.one[sum]
	return e, ok
}
