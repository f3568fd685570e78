package swarm

import (
	"net/netip"
	"sync"
	"time"

	"p2pfs/swarm/lru"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/netgroup"
)

const (
	// hashCredit is how many bytes are read and hashed for an address group before
	// it has taken any block; it comes back at hashPerSecond, and hashPerByte times
	// as fast as blocks are sent to it.
	hashCredit    = 128 << 20
	hashPerSecond = 2 << 20
	hashPerByte   = 64
	// maxHashGroups bounds the groups that are remembered.
	maxHashGroups = 4096
	// keptLeaves is how many leaf hashes are kept for the next who asks: 8 MiB of
	// them, of 4 GiB of pieces.
	keptLeaves = 1 << 18
)

// hashCredits are what answering requests for leaf hashes costs: a request of 54 bytes
// may have a piece of many MiB read and hashed. It is paid by the blocks that the
// one who asks also takes, counted by address group, as connections are free; and
// what was hashed is kept. Safe for concurrent use: workers of all torrents use it.
type hashCredits struct {
	mu     sync.Mutex // guards what follows; held for a few instructions
	spent  map[netip.Prefix]*spending
	leaves *lru.Map[leavesKey, []metainfo.Hash256]
}

// spending is what was hashed for a group and not paid for.
type spending struct {
	bytes int64
	at    time.Time
}

// leavesKey is a piece of a v2 file.
type leavesKey struct {
	root   metainfo.Hash256
	length int64 // of pieces
	piece  int   // of the file
}

func newHashCredits() *hashCredits {
	return &hashCredits{spent: map[netip.Prefix]*spending{}, leaves: lru.New[leavesKey, []metainfo.Hash256](keptLeaves)}
}

// pays notes blocks sent to a group.
func (h *hashCredits) pays(group netip.Prefix, sent int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.spent[group]; s != nil {
		s.bytes = max(0, s.bytes-sent*hashPerByte)
	}
}

// spend reports whether n bytes may be hashed for a group now, and counts them.
func (h *hashCredits) spend(group netip.Prefix, n int64, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.spent[group]
	if s == nil {
		if len(h.spent) >= maxHashGroups && !h.forget(now) {
			return false
		}
		s = &spending{at: now}
		h.spent[group] = s
	}
	s.refill(now)
	if s.bytes+n > hashCredit {
		return false
	}
	s.bytes += n
	return true
}

func (s *spending) refill(now time.Time) {
	s.bytes = max(0, s.bytes-int64(now.Sub(s.at).Seconds()*hashPerSecond))
	s.at = now
}

// forget drops the groups that have paid. The caller has locked mu.
func (h *hashCredits) forget(now time.Time) bool {
	for g, s := range h.spent {
		if s.refill(now); s.bytes == 0 {
			delete(h.spent, g)
		}
	}
	return len(h.spent) < maxHashGroups
}

// kept returns leaves that were hashed before.
func (h *hashCredits) kept(k leavesKey) ([]metainfo.Hash256, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.leaves.Get(k)
}

// keep keeps leaves that lead to their piece's hash. They are not to be changed.
func (h *hashCredits) keep(all map[leavesKey][]metainfo.Hash256) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for k, l := range all {
		h.leaves.Put(k, l, len(l))
	}
}

// group is who pays for what a peer asks.
func (r *remote) group() netip.Prefix { return netgroup.Of(r.addr.Addr()) }
