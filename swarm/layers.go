package swarm

import (
	"maps"
	"slices"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/wire"
)

// layerTimeout is how long a peer that was asked for a piece layer may be
// silent before another is asked.
const layerTimeout = 2 * time.Second

// refusedFor is how long a peer that would not give a piece layer is not asked
// again. Not for ever: it may have been busy, and may be the only one.
const refusedFor = 10 * time.Second

// layers fetches the piece layers that the metadata came without (BEP 52: a
// magnet brings none). Owned by the loop.
type layers struct {
	fetches map[metainfo.Hash256]*layerFetch
	wanted  map[metainfo.Hash256]bool
	waiting map[int]bool // pieces whose blocks are here, without a hash
	refused map[layerRefusal]time.Time
	trees   map[int]*hashing.HashTree // by file: what requests are answered from
}

// maxTrees bounds the trees kept for answering.
const maxTrees = 64

// layerRefusal is a peer that would not or could not give a layer.
type layerRefusal struct {
	root   metainfo.Hash256
	remote int
}

// layerFetch is a layer coming in, all from one peer, so that a false one has
// one culprit.
type layerFetch struct {
	remote  int
	hashes  []metainfo.Hash256
	pending map[hashing.HashRequest]bool
	last    time.Time
}

func newLayers() layers {
	return layers{
		fetches: map[metainfo.Hash256]*layerFetch{},
		wanted:  map[metainfo.Hash256]bool{},
		waiting: map[int]bool{},
		refused: map[layerRefusal]time.Time{},
		trees:   map[int]*hashing.HashTree{},
	}
}

// open asks for all missing layers of a torrent that is fetched whole; the
// others' are asked for when a piece under them is wanted.
func (ls *layers) open(l *loop) {
	if l.t.spec.Everything {
		for _, f := range l.info().MissingLayers(l.meta52()) {
			ls.wanted[l.info().Files[f].Root] = true
		}
	}
}

// meta52 are the layers known.
func (l *loop) meta52() metainfo.Layers { return l.content.meta.Layers }

// hash returns what a piece must hash to in v2. It reports false while the
// layer that says so is missing.
func (ls *layers) hash(l *loop, piece int) (metainfo.Hash256, bool) {
	if !l.info().V2 {
		return metainfo.Hash256{}, true
	}
	if h, ok := l.info().PieceHash2(l.meta52(), piece); ok {
		return h, true
	}
	h, ok := l.leaves.proven[piece]
	return h, ok
}

// want asks for the layer over a piece if it is missing.
func (ls *layers) want(l *loop, piece int) {
	if _, ok := ls.hash(l, piece); !ok {
		ls.wanted[l.info().Files[l.info().Pieces.FileOf(piece)].Root] = true
	}
}

// stored asks for the layer over a piece that is in the storage. Its own hash
// was proven and needs none, but without it no later run finds the piece.
func (ls *layers) stored(l *loop, piece int) {
	if !l.info().V2 {
		return
	}
	if _, ok := l.info().PieceHash2(l.meta52(), piece); !ok {
		ls.wanted[l.info().Files[l.info().Pieces.FileOf(piece)].Root] = true
		ls.schedule(l)
	}
}

// await keeps a piece until its layer has come.
func (ls *layers) await(l *loop, piece int) {
	ls.waiting[piece] = true
	ls.want(l, piece)
	ls.schedule(l)
}

// schedule asks peers for the wanted layers.
func (ls *layers) schedule(l *loop) {
	for root := range ls.wanted {
		f := ls.fetches[root]
		if f != nil && l.now.Sub(f.last) > layerTimeout {
			ls.refuse(l, root, f.remote)
			f = nil
		}
		if f == nil && !ls.fetch(l, root) && l.info().V1 {
			ls.doWithout(l, root)
		}
	}
}

// doWithout checks the pieces of a hybrid's file by their SHA-1 alone: nobody
// who is here gives the layer. A magnet of a hybrid that only clients without
// BEP 52 seed would never be read otherwise.
func (ls *layers) doWithout(l *loop, root metainfo.Hash256) {
	for _, i := range slices.Collect(maps.Keys(ls.waiting)) {
		if l.info().Files[l.info().Pieces.FileOf(i)].Root == root {
			delete(ls.waiting, i)
			l.checkBy(i, nil)
		}
	}
}

func (ls *layers) refuse(l *loop, root metainfo.Hash256, remote int) {
	delete(ls.fetches, root)
	ls.refused[layerRefusal{root, remote}] = l.now
}

// mayAsk reports whether a peer may give a layer. One that has shown no piece
// yet may still be opening its files, and would only refuse.
func (ls *layers) mayAsk(l *loop, r *remote, root metainfo.Hash256) bool {
	at, ok := ls.refused[layerRefusal{root, r.id}]
	return r.v2 && (r.pp.All || r.pp.Has.Any()) && (!ok || l.now.Sub(at) > refusedFor)
}

// fetch asks the quickest peer that speaks BEP 52 and has not refused. It
// reports false if there is none.
func (ls *layers) fetch(l *loop, root metainfo.Hash256) bool {
	var best *remote
	for _, r := range l.remotes {
		if ls.mayAsk(l, r, root) && (best == nil || r.pp.Rate > best.pp.Rate) {
			best = r
		}
	}
	if best == nil {
		return false
	}
	file, _ := l.info().FileByRoot(root)
	_, n := l.info().Pieces.OfFile(file)
	f := &layerFetch{remote: best.id, hashes: make([]metainfo.Hash256, n), pending: map[hashing.HashRequest]bool{}, last: l.now}
	for _, q := range l.info().Tree(file).LayerRequests() {
		f.pending[q] = true
	}
	ls.fetches[root] = f
	best.busy = l.now
	best.conn.Send(func(dst []byte) []byte {
		for q := range f.pending {
			dst = wire.AppendHashRequest(dst, q)
		}
		return dst
	})
	return true
}

// onHashes takes hashes in; those never asked for are dropped.
func (ls *layers) onHashes(l *loop, r *remote, body []byte) error {
	q, hashes, uncles, err := wire.ParseHashes(body)
	if err != nil {
		return err
	}
	if q.BaseLayer == 0 && l.content != nil {
		l.leaves.onHashes(l, r, q, hashes, uncles)
		return nil
	}
	f := ls.fetches[q.Root]
	if f == nil || f.remote != r.id || !f.pending[q] {
		ls.distrust(l, r)
		return nil
	}
	delete(f.pending, q)
	f.last, r.busy = l.now, l.now
	if !l.info().VerifyHashes(nil, q, hashes, uncles) {
		ls.refuse(l, q.Root, r.id)
		l.ban(r.id, "sent a false piece layer")
		return nil
	}
	copy(f.hashes[q.Index:], hashes)
	if len(f.pending) == 0 {
		ls.came(l, q.Root, f.hashes)
	}
	return nil
}

// distrust turns to others than a peer that sent hashes which were not asked
// of it: what was asked of it will hardly come.
func (ls *layers) distrust(l *loop, r *remote) {
	for root, f := range ls.fetches {
		if f.remote == r.id {
			ls.refuse(l, root, r.id)
		}
	}
	ls.schedule(l)
}

// onReject turns to another peer.
func (ls *layers) onReject(l *loop, r *remote, body []byte) error {
	q, err := wire.ParseHashReject(body)
	if err != nil {
		return err
	}
	if l.leaves.onReject(l, r, q) {
		return nil
	}
	if f := ls.fetches[q.Root]; f != nil && f.remote == r.id && f.pending[q] {
		ls.refuse(l, q.Root, r.id)
		ls.schedule(l)
	}
	return nil
}

// came takes a verified layer in: pieces that waited are checked, and pieces
// that the storage has under their hash are found.
func (ls *layers) came(l *loop, root metainfo.Hash256, hashes []metainfo.Hash256) {
	delete(ls.fetches, root)
	delete(ls.wanted, root)
	meta := *l.content.meta
	meta.Layers = maps.Clone(meta.Layers)
	if meta.Layers == nil {
		meta.Layers = metainfo.Layers{}
	}
	meta.Layers[root] = hashes
	l.content = &content{meta: &meta, storage: l.content.storage}
	if s, ok := l.storage.(LayerStorage); ok {
		s.SetLayers(meta.Layers)
	}
	l.t.content.Store(l.content)
	if sc := l.t.client.cfg.Sidecar; sc != nil && len(l.info().MissingLayers(meta.Layers)) == 0 {
		l.t.spawn(func() { sc.Save(l.t.hashes[0], &meta) })
	}
	file, _ := l.info().FileByRoot(root)
	first, n := l.info().Pieces.OfFile(file)
	for i := first; i < first+n; i++ {
		if !l.picker.Pieces.Have(i) && l.storage.Has(i) {
			l.found(i)
		}
	}
	ls.resume(l)
	l.refocus()
	l.scheduleAll()
}

// resume checks the pieces that waited for their hash and have it now.
func (ls *layers) resume(l *loop) {
	for _, i := range slices.Collect(maps.Keys(ls.waiting)) {
		if _, ok := ls.hash(l, i); ok {
			delete(ls.waiting, i)
			if l.picker.Pieces.Complete(i) {
				l.check(i)
			}
		}
	}
}

func (ls *layers) left(l *loop, r *remote) {
	for root, f := range ls.fetches {
		if f.remote == r.id {
			delete(ls.fetches, root)
		}
	}
	ls.schedule(l)
}
