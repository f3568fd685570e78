package swarm

import (
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/picker"
)

// leafRequest is the request for the leaves around a block: of its whole piece,
// or of as many as one request may name. The proof leads to the piece's hash
// where that is known, else to the root of the file. A peer that has answered
// one is asked for several pieces that are read together.
func (l *loop) leafRequest(r *remote, b picker.Block) hashing.HashRequest {
	info := l.info()
	file := info.Pieces.FileOf(b.Piece)
	first, _ := info.Pieces.OfFile(file)
	tree := info.Tree(file)
	per := info.LeafCount(b.Piece)
	n := min(per, hashing.MaxHashes)
	top := tree.Height
	if _, ok := info.PieceHash2(l.meta52(), b.Piece); ok {
		top = tree.PieceLayer
	}
	at := (b.Piece-first)<<tree.PieceLayer + b.N/n*n
	if l.leaves.wide[r.id] {
		if wide := l.leafRun(b.Piece, per); wide > per {
			n, top = wide, tree.Height
			at = at / n * n
		}
	}
	return hashing.HashRequest{Root: info.Files[file].Root, Index: at, Length: n, ProofLayers: top - 1}
}

// leafRun is how many leaves from around a piece one request should name: those
// of the largest subtree whose pieces are all read, and known of none. per is
// the leaves of a piece.
func (l *loop) leafRun(piece, per int) int {
	file := l.info().Pieces.FileOf(piece)
	first, count := l.info().Pieces.OfFile(file)
	most := min(hashing.MaxHashes, 1<<l.info().Tree(file).Height)
	run := 1
	for 2*run*per <= most && l.unknownRun(first, (piece-first)/(2*run)*(2*run), 2*run, count) {
		run *= 2
	}
	return run * per
}

// unknownRun reports whether n pieces of a file, from its k-th on, are read and
// their leaves not known. What lies behind the file's end, at count, may be.
func (l *loop) unknownRun(first, k, n, count int) bool {
	for i := first + k; i < first+min(k+n, count); i++ {
		if l.picker.Pieces.Have(i) || l.leaves.known[i] != nil || !l.reads.Reading(i) {
			return false
		}
	}
	return true
}

// asksFor reports whether the leaf of a block is among those that q names.
func (l *loop) asksFor(q hashing.HashRequest, b picker.Block) bool {
	info := l.info()
	file := info.Pieces.FileOf(b.Piece)
	first, _ := info.Pieces.OfFile(file)
	leaf := (b.Piece-first)<<info.Tree(file).PieceLayer + b.N
	return q.Root == info.Files[file].Root && leaf >= q.Index && leaf < q.Index+q.Length
}

// keep notes the verified leaves that answer q, which was for a piece, and
// returns the pieces that they are of.
func (ls *leaves) keep(l *loop, piece int, q hashing.HashRequest, hashes []metainfo.Hash256) (pieces []int) {
	info := l.info()
	first, count := info.Pieces.OfFile(info.Pieces.FileOf(piece))
	per := info.LeafCount(piece)
	if q.Length <= per {
		ls.keepPiece(l, piece, q.Index%per, hashes)
		return []int{piece}
	}
	for at := 0; at < q.Length; at += per {
		if k := (q.Index + at) / per; k < count {
			ls.keepPiece(l, first+k, 0, hashes[at:at+per])
			pieces = append(pieces, first+k)
		}
	}
	return pieces
}

// keepPiece notes verified leaves of a piece, from its leaf at on.
func (ls *leaves) keepPiece(l *loop, piece, at int, hashes []metainfo.Hash256) {
	k := ls.known[piece]
	if k == nil {
		k = make([]metainfo.Hash256, l.info().Pieces.Blocks(piece))
		ls.known[piece] = k
		ls.order = append(ls.order, piece)
		ls.count += len(k)
		ls.bound(l, piece)
	}
	if at < len(k) {
		copy(k[at:], hashes)
	}
	if per := l.info().LeafCount(piece); len(hashes) == per {
		ls.proven[piece] = hashing.Root(hashes, per)
		if s, ok := l.storage.(PieceHashStorage); ok {
			s.SetPieceHash(piece, ls.proven[piece])
		}
	}
}

// bound drops the leaves that came first while there are too many, but none of
// a piece that is read nor of the one that is coming.
func (ls *leaves) bound(l *loop, coming int) {
	for i := 0; i < len(ls.order) && ls.count > maxLeaves; {
		piece := ls.order[i]
		if piece == coming || l.reads.Reading(piece) {
			i++
			continue
		}
		ls.count -= len(ls.known[piece])
		delete(ls.known, piece)
		ls.order = append(ls.order[:i], ls.order[i+1:]...)
	}
}
