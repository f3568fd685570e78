package swarm

import (
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/wire"
)

// maxHashJobs bounds the hash requests of one peer that are being answered:
// each may have a piece read and hashed.
const maxHashJobs = 16

// onHashRequest answers a request for hashes (BEP 52), off the loop because
// leaves are hashed from the piece's bytes.
func (l *loop) onHashRequest(r *remote, body []byte) error {
	q, err := wire.ParseHashRequest(body)
	if err != nil {
		return err
	}
	reject := func(dst []byte) []byte { return wire.AppendHashReject(dst, q) }
	tree, file := l.hashTree(q.Root)
	if tree == nil || r.hashJobs >= maxHashJobs {
		r.conn.Send(reject)
		return nil
	}
	r.hashJobs++
	r.busy, l.awake = l.now, l.now
	c, h, group := l.content, l.t.client.hash.credits, r.group()
	h.pays(group, r.conn.Sent()-r.paid)
	r.paid = r.conn.Sent()
	first, _ := c.info().Pieces.OfFile(file)
	l.t.hashFor(func() {
		fresh := map[leavesKey][]metainfo.Hash256{}
		hashes, uncles, ok := tree.Answer(q, func(piece int) ([]metainfo.Hash256, bool) {
			k := leavesKey{q.Root, c.info().PieceLength, piece}
			if leaves, ok := h.kept(k); ok {
				return leaves, true
			}
			if !h.spend(group, int64(c.info().Pieces.Size(first+piece)), time.Now()) {
				return nil, false
			}
			leaves, ok := c.leaves(first + piece)
			fresh[k] = leaves
			return leaves, ok
		})
		if ok {
			h.keep(fresh)
			r.conn.Send(func(dst []byte) []byte { return wire.AppendHashes(dst, q, hashes, uncles) })
		} else {
			r.conn.Send(reject)
		}
		l.t.post(hashesSentEvent{r})
	})
	return nil
}

// hashTree is the tree of the file with that root, nil if its layer is not
// known.
func (l *loop) hashTree(root [32]byte) (*hashing.HashTree, int) {
	if l.content == nil || !l.info().V2 {
		return nil, 0
	}
	file, ok := l.info().FileByRoot(root)
	if !ok {
		return nil, 0
	}
	if t := l.layers.trees[file]; t != nil {
		return t, file
	}
	t, ok := l.info().Tree(file).HashTree(l.meta52()[root])
	if !ok {
		return nil, 0
	}
	if len(l.layers.trees) >= maxTrees {
		clear(l.layers.trees)
	}
	l.layers.trees[file] = t
	return t, file
}

// leaves are the hashes of a piece's blocks, if the piece is held.
func (c *content) leaves(piece int) ([]metainfo.Hash256, bool) {
	if !c.storage.Has(piece) {
		return nil, false
	}
	buf := make([]byte, c.info().Pieces.Size(piece))
	if _, err := c.storage.ReadAt(buf, piece, 0); err != nil {
		return nil, false
	}
	return hashing.AppendLeaves(make([]metainfo.Hash256, 0, c.info().Pieces.Blocks(piece)), buf), true
}

// hashesSentEvent ends a hash request.
type hashesSentEvent struct{ r *remote }

func (e hashesSentEvent) apply(*loop) { e.r.hashJobs-- }
