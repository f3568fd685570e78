package swarm

import (
	"time"

	"p2pfs/swarm/hashes"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/wire"
)

// hashParts are what a torrent has to do with hashes of BEP 52; nil until there is
// metadata.
type hashParts struct {
	known   *hashes.Known
	layers  *hashes.Layers
	leaves  *hashes.Leaves
	answers *hashes.Answers

	t     *Torrent
	crowd *crowd
}

// told takes in hashes that a peer sends. It returns what is to be done; an error
// closes the peer, here and in what follows.
func (h *hashParts) told(r *remote, body []byte, now time.Time) ([]hashes.Action, error) {
	q, list, uncles, err := wire.ParseHashes(body)
	switch {
	case err != nil || h.known == nil:
		return nil, err
	case h.leaves.Asked(r.id, q):
		return append(h.leaves.Answer(r.id, q, list, uncles, now), h.layers.Resume()...), nil
	}
	return h.layers.Answer(r.id, q, list, uncles, now), nil
}

// refused takes in that a peer will not send hashes.
func (h *hashParts) refused(r *remote, body []byte, now time.Time) ([]hashes.Action, error) {
	q, err := wire.ParseHashReject(body)
	if err != nil || h.known == nil {
		return nil, err
	}
	h.t.log.Debug("hashes refused", "infohash", h.t.naming.hashes[0], "peer", r.addr, "layer", q.BaseLayer, "index", q.Index)
	if h.leaves.Asked(r.id, q) {
		return h.leaves.Reject(r.id, q, now), nil
	}
	return h.layers.Reject(r.id, q, now), nil
}

// open takes in the metadata.
func (h *hashParts) open(l *loop) {
	h.known = hashes.NewKnown(l.content.meta)
	h.layers, h.leaves, h.answers = hashes.NewLayers(h.known), hashes.NewLeaves(h.known, wanting{l}), hashes.NewAnswers(h.known)
}

// wanting is the hashes.Torrent of a loop.
type wanting struct{ l *loop }

func (w wanting) Have(piece int) bool    { return w.l.picker.Pieces.Have(piece) }
func (w wanting) Waited(piece int) bool  { return len(w.l.reads.Wants.Of(piece)) > 0 }
func (w wanting) Reading(piece int) bool { return w.l.reads.Reading(piece) }

func (w wanting) AskedOf(piece, peer int) bool {
	return w.l.verify.assembly.SentBy(piece, peer) || w.l.crowd.of[peer].down.AskedOf(piece)
}

// HasPieces is of a hashes.Peer, as are Rate, Late and Delay.
func (r *remote) HasPieces() bool { return r.pp.All || r.pp.Has.Any() }

func (r *remote) Rate() float64 { return r.pp.Rate }

func (r *remote) Late(now time.Time) time.Duration { return r.down.Late(now) }

func (r *remote) Delay() time.Duration { return r.down.Delay() }

// tickHashes does what time brings about, and asks for the leaves of blocks that
// are here and wanted, and were asked of nobody.
func (l *loop) tickHashes() {
	l.do(l.hash.layers.Tick(l.now))
	l.do(l.hash.leaves.Tick(l.now))
	for piece := range l.reads.Wants.Pieces() {
		if l.verify.assembly.Begun(piece) && l.hash.leaves.ByBlock(piece) {
			for _, w := range l.reads.Wants.Of(piece) {
				l.do(l.hash.leaves.Ask(picker.Block{Piece: piece, N: w.First}, l.now))
			}
		}
	}
}

// do does what the hashes have to have done.
func (l *loop) do(actions []hashes.Action) {
	for _, a := range actions {
		switch a.Do {
		case hashes.Ask:
			r := l.crowd.of[a.Peer]
			r.busy = l.now
			r.conn.Send(func(dst []byte) []byte { return wire.AppendHashRequest(dst, a.Request) })
		case hashes.Ban:
			l.crowd.ban(a.Peer, a.Why, l.now)
		case hashes.Judge:
			l.verify.judge(a.Piece, l.now)
		case hashes.Prove:
			if s, ok := l.storage.(PieceHashStorage); ok {
				s.SetPieceHash(a.Piece, a.Hash)
			}
		case hashes.Layer:
			l.layerCame(a.Hash)
		case hashes.Check:
			l.verify.checkWaiting(a.Piece, l.now)
		case hashes.Refocus:
			l.refocus()
			l.fetch.all(l.now)
		}
	}
}

// layerCame tells of a piece layer; pieces that the storage has under their hash
// are found.
func (l *loop) layerCame(root metainfo.Hash256) {
	meta := *l.content.meta
	meta.Layers = l.hash.known.Layers
	l.content = &content{meta: &meta, storage: l.content.storage}
	if s, ok := l.storage.(LayerStorage); ok {
		s.SetLayers(meta.Layers)
	}
	l.t.content.Store(l.content)
	if sc := l.t.client.cfg.Sidecar; sc != nil && len(l.info().MissingLayers(meta.Layers)) == 0 {
		l.t.spawn(func() { sc.Save(l.t.naming.hashes[0], &meta) })
	}
	file, _ := l.info().FileByRoot(root)
	first, n := l.info().Pieces.OfFile(file)
	for i := first; i < first+n; i++ {
		if !l.picker.Pieces.Have(i) && l.storage.Has(i) {
			l.found(i)
		}
	}
}

// SetLayer gives the torrent the piece layer of a file, which the caller has
// verified with CheckLayer. It does nothing before the metadata is there.
func (t *Torrent) SetLayer(root metainfo.Hash256, hashes []metainfo.Hash256) {
	t.post(layerEvent{root, hashes})
}

// layerEvent is a piece layer that did not come from a peer.
type layerEvent struct {
	root   metainfo.Hash256
	hashes []metainfo.Hash256
}

func (e layerEvent) apply(l *loop) {
	if l.content != nil && l.info().V2 && l.hash.known.Layers[e.root] == nil {
		l.do(l.hash.layers.Came(e.root, e.hashes))
	}
}

// Found tells the torrent that its storage has a piece that did not come
// through it.
func (t *Torrent) Found(piece int) { t.post(hereEvent{piece}) }

// hereEvent is a piece that turned out to be in the storage.
type hereEvent struct{ piece int }

func (e hereEvent) apply(l *loop) {
	if l.content != nil && e.piece < l.picker.Pieces.Count() && !l.picker.Pieces.Have(e.piece) && l.storage.Has(e.piece) {
		l.found(e.piece)
		l.refocus()
	}
}

// found takes in a piece that the storage turned out to have.
func (l *loop) found(piece int) {
	l.verify.assembly.Drop(piece)
	for _, w := range l.reads.Wants.Take(piece) {
		answer(w, outcome{})
	}
	l.holds(piece)
}
