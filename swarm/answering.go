package swarm

import (
	"net/netip"
	"sync"
	"time"

	"p2pfs/swarm/hashes"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/lru"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/wire"
)

// keptLeaves is how many leaf hashes are kept for the next who asks: 8 MiB of
// them, of 4 GiB of pieces.
const keptLeaves = 1 << 18

// answering is what all torrents share who answer requests for leaves: who may
// have how much hashed, and what was. Safe for concurrent use, as workers of all
// torrents use it.
type answering struct {
	mu     sync.Mutex // guards what follows; held for a few instructions
	credit hashes.Credit
	leaves *lru.Map[leavesKey, []metainfo.Hash256]
}

// leavesKey is a piece of a v2 file.
type leavesKey struct {
	root   metainfo.Hash256
	size   int64 // of the file: who makes a torrent may lie about it
	length int64 // of pieces
	piece  int   // of the file
}

func newAnswering() *answering {
	return &answering{leaves: lru.New[leavesKey, []metainfo.Hash256](keptLeaves)}
}

// pay notes blocks sent to a group.
func (a *answering) pay(group netip.Prefix, sent int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.credit.Pay(group, sent)
}

// spend reports whether n bytes may be hashed for a group now, and counts them.
func (a *answering) spend(group netip.Prefix, n int64, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.credit.Spend(group, n, now)
}

// kept returns leaves that were hashed before.
func (a *answering) kept(k leavesKey) ([]metainfo.Hash256, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.leaves.Get(k)
}

// keep keeps leaves that lead to their piece's hash. They are not to be changed.
func (a *answering) keep(all map[leavesKey][]metainfo.Hash256) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, l := range all {
		a.leaves.Put(k, l, len(l))
	}
}

// group is who pays for what a peer asks.
func (r *remote) group() netip.Prefix { return netgroup.Of(r.addr.Addr()) }

// request answers a request for hashes (BEP 52), off the loop: leaves are
// hashed from their piece's bytes, one piece at a time of all torrents. What
// needs no leaves does not wait for that. Without content all is refused.
func (h *hashParts) request(r *remote, body []byte, c *content, now time.Time) error {
	q, err := wire.ParseHashRequest(body)
	if err != nil {
		return err
	}
	reject := func(dst []byte) []byte { return wire.AppendHashReject(dst, q) }
	if c == nil {
		r.conn.Send(reject)
		return nil
	}
	job, ok := h.answers.Begin(r.id, q.Root, r.conn.Sent())
	if !ok {
		r.conn.Send(reject)
		return nil
	}
	h.crowd.serves(r, now)
	a, group, leaves := h.t.client.hash.answering, r.group(), leafSource{c, job.File}
	a.pay(group, job.Paid)
	answer := func() {
		fresh := map[leavesKey][]metainfo.Hash256{}
		hashes, uncles, ok := job.Tree.Answer(q, func(piece int) ([]metainfo.Hash256, bool) {
			k := leaves.key(piece)
			if list, ok := a.kept(k); ok {
				return list, true
			}
			if !a.spend(group, leaves.size(piece), time.Now()) {
				return nil, false
			}
			list, ok := leaves.hash(piece)
			fresh[k] = list
			return list, ok
		})
		if ok {
			a.keep(fresh)
			r.conn.Send(func(dst []byte) []byte { return wire.AppendHashes(dst, q, hashes, uncles) })
		} else {
			r.conn.Send(reject)
		}
		h.t.post(hashesSentEvent(r.id))
	}
	if q.BaseLayer >= c.info().Tree(job.File).PieceLayer {
		h.t.spawn(func() { h.t.client.hash.work(answer) })
	} else {
		h.t.spawn(func() { h.t.client.hash.forPeer(h.t.done, answer) })
	}
	return nil
}

// hashesSentEvent tells that a request of a peer was answered.
type hashesSentEvent int

func (e hashesSentEvent) apply(l *loop) { l.hash.answers.Done(int(e)) }

// leafSource hashes the leaves of a file's pieces.
type leafSource struct {
	*content
	file int
}

func (s leafSource) key(piece int) leavesKey {
	f := &s.info().Files[s.file]
	return leavesKey{f.Root, f.Length, s.info().PieceLength, piece}
}

// index is the piece of the torrent.
func (s leafSource) index(piece int) int {
	first, _ := s.info().Pieces.OfFile(s.file)
	return first + piece
}

func (s leafSource) size(piece int) int64 { return int64(s.info().Pieces.Size(s.index(piece))) }

// hash returns the hashes of a piece's blocks, if the piece is held.
func (s leafSource) hash(piece int) ([]metainfo.Hash256, bool) {
	i := s.index(piece)
	if !s.storage.Has(i) {
		return nil, false
	}
	buf := make([]byte, s.info().Pieces.Size(i))
	if _, err := s.storage.ReadAt(buf, i, 0); err != nil {
		return nil, false
	}
	return hashing.AppendLeaves(make([]metainfo.Hash256, 0, s.info().Pieces.Blocks(i)), buf), true
}
