package hashes

import (
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/picker"
)

// request is the request for the leaves around a block: of its whole piece, or of
// as many as one request may name. The proof leads to the piece's hash where that
// is known, else to the root of the file. A peer that has answered one is asked
// for several pieces that are read together.
func (ls *Leaves) request(g *giver, b picker.Block) hashing.HashRequest {
	info := ls.known.Info
	file := info.Pieces.FileOf(b.Piece)
	first, _ := info.Pieces.OfFile(file)
	tree := info.Tree(file)
	per := info.LeafCount(b.Piece)
	n := min(per, hashing.MaxHashes)
	top := tree.Height
	if _, ok := info.PieceHash2(ls.known.Layers, b.Piece); ok {
		top = tree.PieceLayer
	}
	at := (b.Piece-first)<<tree.PieceLayer + b.N/n*n
	if g.wide == wide {
		if run := ls.run(b.Piece, per); run > per {
			n, top = run, tree.Height
			at = at / n * n
		}
	}
	return hashing.HashRequest{Root: tree.Root, Index: at, Length: n, ProofLayers: top - 1}
}

// run is how many leaves from around a piece one request should name: those of
// the largest subtree whose pieces are all read, and known of none. per is the
// leaves of a piece.
func (ls *Leaves) run(piece, per int) int {
	info := ls.known.Info
	file := info.Pieces.FileOf(piece)
	first, count := info.Pieces.OfFile(file)
	most := min(hashing.MaxHashes, 1<<info.Tree(file).Height)
	run := 1
	for 2*run*per <= most && ls.unknown(first, (piece-first)/(2*run)*(2*run), 2*run, count) {
		run *= 2
	}
	return run * per
}

// unknown reports whether n pieces of a file, from its k-th on, are read and
// their leaves not known. What lies behind the file's end, at count, may be.
func (ls *Leaves) unknown(first, k, n, count int) bool {
	for i := first + k; i < first+min(k+n, count); i++ {
		if ls.torrent.Have(i) || ls.leaves[i] != nil || !ls.torrent.Reading(i) {
			return false
		}
	}
	return true
}

// names reports whether the leaf of a block is among those that q names.
func (ls *Leaves) names(q hashing.HashRequest, b picker.Block) bool {
	info := ls.known.Info
	file := info.Pieces.FileOf(b.Piece)
	first, _ := info.Pieces.OfFile(file)
	leaf := (b.Piece-first)<<info.Tree(file).PieceLayer + b.N
	return q.Root == info.Files[file].Root && leaf >= q.Index && leaf < q.Index+q.Length
}

// keep notes the verified leaves that answer q, which was for a piece, and
// returns the pieces that they are of.
func (ls *Leaves) keep(piece int, q hashing.HashRequest, hashes []metainfo.Hash256) (pieces []int) {
	info := ls.known.Info
	first, count := info.Pieces.OfFile(info.Pieces.FileOf(piece))
	per := info.LeafCount(piece)
	if q.Length <= per {
		ls.keepPiece(piece, q.Index%per, hashes)
		return []int{piece}
	}
	for at := 0; at < q.Length; at += per {
		if k := (q.Index + at) / per; k < count {
			ls.keepPiece(first+k, 0, hashes[at:at+per])
			pieces = append(pieces, first+k)
		}
	}
	return pieces
}

// keepPiece notes verified leaves of a piece, from its leaf at on.
func (ls *Leaves) keepPiece(piece, at int, hashes []metainfo.Hash256) {
	info := ls.known.Info
	k := ls.leaves[piece]
	if k == nil {
		k = make([]metainfo.Hash256, info.Pieces.Blocks(piece))
		ls.leaves[piece] = k
		ls.order = append(ls.order, piece)
		ls.count += len(k)
		ls.bound(piece)
	}
	if at < len(k) {
		copy(k[at:], hashes)
	}
	if per := info.LeafCount(piece); len(hashes) == per {
		hash := hashing.Root(hashes, per)
		ls.known.proven[piece] = hash
		ls.add(Action{Do: Prove, Piece: piece, Hash: hash})
	}
}

// bound drops the leaves that came first while there are too many, but none of
// a piece that is read nor of the one that is coming.
func (ls *Leaves) bound(coming int) {
	for i := 0; i < len(ls.order) && ls.count > maxLeaves; {
		piece := ls.order[i]
		if piece == coming || ls.torrent.Reading(piece) {
			i++
			continue
		}
		ls.count -= len(ls.leaves[piece])
		delete(ls.leaves, piece)
		ls.order = append(ls.order[:i], ls.order[i+1:]...)
	}
}
