package held

import (
	"github.com/bits-and-blooms/bitset"

	"p2pfs/swarm/metainfo"
)

// Key names a piece of a torrent in the store, and reports whether it is there. A
// name that is not known yet is the zero Key.
func (x *Index) Key(info *metainfo.Info, piece int) (k Key, held bool) {
	x.mu.Lock()
	t := x.byHash[info.InfoHashes()[0]]
	if c, ok := singleFile(info); ok && t == nil {
		t = x.files[c]
	}
	var layers metainfo.Layers
	if t != nil {
		layers = t.meta.Layers
		k = t.keys[piece]
	}
	x.mu.Unlock()
	if k != (Key{}) {
		return k, x.Has(k, info.Pieces.Size(piece))
	}
	k, ok := PieceKey(info, layers, piece)
	return k, ok && x.Has(k, info.Pieces.Size(piece))
}

// Local is how many bytes are held of a file of version 2.
func (x *Index) Local(c metainfo.Content) int64 {
	if c.Size <= metainfo.PieceLength(c.Size) { // its root names its only piece
		if x.Has(RootKey(c.Root), int(c.Size)) {
			return c.Size
		}
		return 0
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if t := x.files[c]; t != nil {
		return t.bytes
	}
	return 0
}

// LocalIn is how many bytes are held of a file of a torrent.
func (x *Index) LocalIn(info *metainfo.Info, file int) (sum int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.byHash[info.InfoHashes()[0]]
	if t == nil || t.held.None() {
		return 0
	}
	for _, p := range Parts(info, file) {
		if t.held.Test(uint(p.Index)) {
			sum += p.Len
		}
	}
	return sum
}

// Pieces is the set of pieces held of a file; nil if there is none of it.
func (x *Index) Pieces(c metainfo.Content) *bitset.BitSet {
	x.mu.Lock()
	defer x.mu.Unlock()
	if t := x.files[c]; t != nil && t.held.Any() {
		return t.held.Clone()
	}
	return nil
}

// MetaInfo returns a torrent of which something is held, nil if there is none.
func (x *Index) MetaInfo(ih metainfo.Hash) *metainfo.MetaInfo {
	x.mu.Lock()
	defer x.mu.Unlock()
	if t := x.byHash[ih]; t != nil && t.held.Any() {
		return t.meta
	}
	return nil
}

// Layers are the piece layers known of a file, nil if there are none.
func (x *Index) Layers(c metainfo.Content) metainfo.Layers {
	x.mu.Lock()
	defer x.mu.Unlock()
	if t := x.files[c]; t != nil {
		return t.meta.Layers
	}
	return nil
}

// Part is what of a file lies in one piece.
type Part struct {
	Index    int   // of the piece
	Off, Len int64 // in the file
}

// Parts are the parts of a file, in order.
func Parts(info *metainfo.Info, file int) []Part {
	f := &info.Files[file]
	first, n := info.Pieces.OfFile(file)
	out := make([]Part, n)
	for i := range out {
		piece := first + i
		from := max(f.Offset, int64(piece)*info.PieceLength)
		to := min(f.Offset+f.Length, int64(piece+1)*info.PieceLength)
		out[i] = Part{piece, from - f.Offset, to - from}
	}
	return out
}
