package swarm

import "p2pfs/swarm/metainfo"

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
	l.assembly.Drop(piece)
	for _, w := range l.reads.Wants.Take(piece) {
		answer(w, outcome{})
	}
	l.holds(piece)
}
