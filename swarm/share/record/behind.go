package record

import (
	"maps"
	"sync"

	"p2pfs/swarm/lru"
	"p2pfs/swarm/share/inode"
)

const (
	maxUnsaved   = 8 << 20 // bytes of hashes not yet on disk; then hashing pauses
	recentHashes = 4 << 20 // bytes of hashes kept in memory after they were read
)

// change is what is to happen to one record.
type change struct {
	sum  Summary
	h    *Hashes // nil: leave them
	drop bool
}

// over is c as it is done after another change to the same record.
func (c change) over(before change) change {
	if c.h == nil && !c.drop {
		c.h = before.h
	}
	return c
}

func (c change) bytes() int {
	if c.h == nil {
		return 0
	}
	return c.h.bytes()
}

// behind is what the database does not have yet, and what was read of it last.
// Safe for concurrent use.
type behind struct {
	most int // bytes of unsaved; more is full

	mu         sync.Mutex
	pending    map[inode.ID]change // not yet handed to a transaction
	committing map[inode.ID]change // in one
	unsaved    int                 // bytes of hashes in both
	recent     *lru.Map[inode.ID, *Hashes]
}

func newBehind(most int) *behind {
	return &behind{most: most, pending: map[inode.ID]change{}, recent: lru.New[inode.ID, *Hashes](recentHashes)}
}

func (b *behind) put(id inode.ID, c change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old, ok := b.pending[id]
	if ok {
		c = c.over(old)
	}
	b.unsaved += c.bytes() - old.bytes()
	b.pending[id] = c
	if c.drop || c.h != nil {
		b.recent.Remove(id)
	}
}

// get returns what waits of id; ok is false if nothing does.
func (b *behind) get(id inode.ID) (c change, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok = b.pending[id]
	old, before := b.committing[id]
	switch {
	case ok && before:
		c = c.over(old)
	case before:
		c = old
	}
	return c, ok || before
}

// hashes returns those of id that are in memory. known is false if the database
// may have some.
func (b *behind) hashes(id inode.ID) (h *Hashes, known bool) {
	b.mu.Lock()
	h, ok := b.recent.Get(id)
	b.mu.Unlock()
	if ok {
		return h, true
	}
	c, _ := b.get(id)
	return c.h, c.h != nil || c.drop
}

// keep remembers what was read from the database.
func (b *behind) keep(id inode.ID, h *Hashes) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recent.Put(id, h, h.bytes())
}

func (b *behind) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.unsaved > b.most
}

func (b *behind) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.pending)+len(b.committing) == 0
}

// take hands everything that waits to the caller, who must not change it and
// calls finish.
func (b *behind) take() map[inode.ID]change {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.pending) > 0 {
		b.committing, b.pending = b.pending, map[inode.ID]change{}
	}
	return b.committing
}

// finish ends what take began; err puts everything back.
func (b *behind) finish(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		for id, c := range b.pending {
			b.committing[id] = c.over(b.committing[id])
		}
		b.pending = b.committing
	}
	b.committing = nil
	b.unsaved = 0
	for c := range maps.Values(b.pending) {
		b.unsaved += c.bytes()
	}
}
