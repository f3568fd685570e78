package hashes

import (
	"maps"
	"slices"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

const (
	// layerTimeout is how long a peer that was asked for a piece layer may be
	// silent before another is asked.
	layerTimeout = 2 * time.Second
	// refusedFor is how long a peer that would not give a piece layer is not asked
	// again. Not for ever: it may have been busy, and may be the only one.
	refusedFor = 10 * time.Second
	// layerWindow is how many requests for a layer one peer is sent at once: who
	// answers refuses more than some.
	layerWindow = maxJobs / 2
)

// Layers fetches piece layers.
type Layers struct {
	known   *Known
	peers   map[int]Peer
	fetches map[metainfo.Hash256]*fetch
	wanted  map[metainfo.Hash256]bool
	waiting map[int]bool // pieces whose blocks are here, without a hash
	refused map[refusal]time.Time
	actions
}

// refusal is a peer that would not or could not give a layer.
type refusal struct {
	root metainfo.Hash256
	peer int
}

// fetch is a layer coming in, all from one peer, so that a false one has one
// culprit.
type fetch struct {
	peer    int
	hashes  []metainfo.Hash256
	left    []hashing.HashRequest // to be sent
	pending map[hashing.HashRequest]bool
	last    time.Time
}

// NewLayers returns the layers of a torrent, of which some may be known.
func NewLayers(known *Known) *Layers {
	return &Layers{
		known:   known,
		peers:   map[int]Peer{},
		fetches: map[metainfo.Hash256]*fetch{},
		wanted:  map[metainfo.Hash256]bool{},
		waiting: map[int]bool{},
		refused: map[refusal]time.Time{},
	}
}

// Join takes in a peer that speaks BEP 52.
func (ls *Layers) Join(id int, p Peer) { ls.peers[id] = p }

// Leave forgets a peer.
func (ls *Layers) Leave(id int, now time.Time) []Action {
	delete(ls.peers, id)
	for root, f := range ls.fetches {
		if f.peer == id {
			delete(ls.fetches, root)
		}
	}
	maps.DeleteFunc(ls.refused, func(r refusal, _ time.Time) bool { return r.peer == id })
	return ls.Tick(now)
}

// WantAll has every layer fetched that is missing. The others' are wanted when a
// piece under them is.
func (ls *Layers) WantAll() {
	for _, f := range ls.known.Info.MissingLayers(ls.known.Layers) {
		ls.wanted[ls.known.Info.Files[f].Root] = true
	}
}

// Want has the layer over a piece fetched, if what it must hash to is not known,
// at the next Tick.
func (ls *Layers) Want(piece int) {
	if _, ok := ls.known.Piece(piece); !ok {
		ls.wanted[ls.known.root(piece)] = true
	}
}

// Await keeps a piece whose hash is not known until it is.
func (ls *Layers) Await(piece int, now time.Time) []Action {
	ls.waiting[piece] = true
	ls.Want(piece)
	return ls.Tick(now)
}

// Stored has the layer over a piece fetched that is in the storage. Its own hash
// was proven and needs none, but without it no later run finds the piece.
func (ls *Layers) Stored(piece int, now time.Time) []Action {
	if !ls.known.Info.V2 {
		return nil
	}
	if _, ok := ls.known.Info.PieceHash2(ls.known.Layers, piece); ok {
		return nil
	}
	ls.wanted[ls.known.root(piece)] = true
	return ls.Tick(now)
}

// Tick asks peers for the wanted layers.
func (ls *Layers) Tick(now time.Time) []Action {
	for root := range ls.wanted {
		f := ls.fetches[root]
		if f != nil && now.Sub(f.last) > layerTimeout {
			ls.refuse(root, f.peer, now)
			f = nil
		}
		if f == nil && !ls.fetch(root, now) && ls.known.Info.V1 {
			ls.doWithout(root)
		}
	}
	return ls.take()
}

// doWithout has the pieces of a hybrid's file checked by their SHA-1 alone: nobody
// who is here gives the layer. A magnet of a hybrid that only clients without
// BEP 52 seed would never be read otherwise.
func (ls *Layers) doWithout(root metainfo.Hash256) {
	for piece := range ls.waiting {
		if ls.known.root(piece) == root {
			delete(ls.waiting, piece)
			ls.add(Action{Do: Check, Piece: piece})
		}
	}
}

func (ls *Layers) refuse(root metainfo.Hash256, peer int, now time.Time) {
	delete(ls.fetches, root)
	ls.refused[refusal{root, peer}] = now
}

// mayAsk reports whether a peer may give a layer. One that has shown no piece
// yet may still be opening its files, and would only refuse.
func (ls *Layers) mayAsk(id int, root metainfo.Hash256, now time.Time) bool {
	at, ok := ls.refused[refusal{root, id}]
	return ls.peers[id].HasPieces() && (!ok || now.Sub(at) > refusedFor)
}

// fetch asks the quickest peer that has not refused. It reports false if there is
// none.
func (ls *Layers) fetch(root metainfo.Hash256, now time.Time) bool {
	best := -1
	for id, p := range ls.peers {
		if ls.mayAsk(id, root, now) && (best < 0 || p.Rate() > ls.peers[best].Rate()) {
			best = id
		}
	}
	if best < 0 {
		return false
	}
	file, _ := ls.known.Info.FileByRoot(root)
	tree := ls.known.Info.Tree(file)
	f := &fetch{
		peer: best, hashes: make([]metainfo.Hash256, tree.Pieces), left: tree.LayerRequests(),
		pending: map[hashing.HashRequest]bool{}, last: now,
	}
	ls.fetches[root] = f
	ls.ask(f)
	return true
}

// ask sends what a peer may be asked for now.
func (ls *Layers) ask(f *fetch) {
	for len(f.left) > 0 && len(f.pending) < layerWindow {
		q := f.left[0]
		f.left = f.left[1:]
		f.pending[q] = true
		ls.add(Action{Do: Ask, Peer: f.peer, Request: q})
	}
}

// Answer takes a peer's hashes in. Hashes that were not asked of it are dropped,
// and others asked, as what was asked of it will hardly come; but leaves may just
// be late.
func (ls *Layers) Answer(id int, q hashing.HashRequest, hashes, uncles []metainfo.Hash256, now time.Time) []Action {
	f := ls.fetches[q.Root]
	if f == nil || f.peer != id || !f.pending[q] {
		if q.BaseLayer == 0 {
			return nil
		}
		for root, f := range ls.fetches {
			if f.peer == id {
				ls.refuse(root, id, now)
			}
		}
		return ls.Tick(now)
	}
	delete(f.pending, q)
	f.last = now
	if !ls.known.Info.VerifyHashes(nil, q, hashes, uncles) {
		ls.refuse(q.Root, id, now)
		ls.add(Action{Do: Ban, Peer: id, Why: "sent a false piece layer"})
		return ls.take()
	}
	copy(f.hashes[q.Index:], hashes)
	if ls.ask(f); len(f.pending) == 0 {
		return ls.Came(q.Root, f.hashes)
	}
	return ls.take()
}

// Reject takes in that a peer would not answer, and asks another.
func (ls *Layers) Reject(id int, q hashing.HashRequest, now time.Time) []Action {
	if f := ls.fetches[q.Root]; f != nil && f.peer == id && f.pending[q] {
		ls.refuse(q.Root, id, now)
		return ls.Tick(now)
	}
	return nil
}

// Came takes in a layer that was verified; pieces that waited for it can be
// checked.
func (ls *Layers) Came(root metainfo.Hash256, hashes []metainfo.Hash256) []Action {
	delete(ls.fetches, root)
	delete(ls.wanted, root)
	layers := maps.Clone(ls.known.Layers)
	if layers == nil {
		layers = metainfo.Layers{}
	}
	layers[root] = hashes
	ls.known.Layers = layers
	ls.add(Action{Do: Layer, Hash: root})
	ls.resume()
	ls.add(Action{Do: Refocus})
	return ls.take()
}

// Resume has the pieces checked that waited for their hash and have it now.
func (ls *Layers) Resume() []Action {
	ls.resume()
	return ls.take()
}

func (ls *Layers) resume() {
	for _, piece := range slices.Sorted(maps.Keys(ls.waiting)) {
		if _, ok := ls.known.Piece(piece); ok {
			delete(ls.waiting, piece)
			ls.add(Action{Do: Check, Piece: piece})
		}
	}
}
