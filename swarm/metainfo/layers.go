package metainfo

import (
	"fmt"

	"p2pfs/swarm/hashing"
)

// Layers holds the piece layers of version 2 files, by pieces root. A layer
// is needed only for files larger than a piece. Whoever fills it checks what
// he puts in with CheckLayer.
type Layers map[Hash256][]Hash256

// CheckLayer returns nil if hashes are the whole piece layer under root, and
// root belongs to a file of this torrent that is larger than a piece.
func (in *Info) CheckLayer(root Hash256, hashes []Hash256) error {
	file, ok := in.FileByRoot(root)
	if !ok {
		return fmt.Errorf("piece layer of %v: no file has this root", root)
	}
	f := &in.Files[file]
	if f.Length <= in.PieceLength {
		return fmt.Errorf("piece layer of %v: the file is no larger than a piece", root)
	}
	if !in.Tree(file).IsLayer(hashes) {
		return fmt.Errorf("piece layer of %v: %d hashes that are not of %d pieces or hash to another root",
			root, len(hashes), ceilDiv(f.Length, in.PieceLength))
	}
	return nil
}

// Tree returns the merkle tree of a file that is not empty; only if V2.
func (in *Info) Tree(file int) hashing.Tree {
	f := &in.Files[file]
	return hashing.NewTree(f.Root, f.Length, in.PieceLength)
}

// VerifyHashes reports whether hashes and uncles answer r truly, which is of
// any file. Their proof must end at the root, or at the piece layer where that
// is known from l.
func (in *Info) VerifyHashes(l Layers, r hashing.HashRequest, hashes, uncles []Hash256) bool {
	file, ok := in.FileByRoot(r.Root)
	return ok && in.Tree(file).Verify(l[r.Root], r, hashes, uncles)
}

// MissingLayers returns the files whose piece layer is needed and not in l,
// one of each root.
func (in *Info) MissingLayers(l Layers) []int {
	var files []int
	in.roots.distinct(func(i int) {
		f := &in.Files[i]
		if _, ok := l[f.Root]; !ok && f.Length > in.PieceLength {
			files = append(files, i)
		}
	})
	return files
}

// PieceHash2 returns the merkle root that covers piece i: the pieces root of
// a file of at most a piece, else from the layer. ok is false while the layer
// is not known, and always without version 2.
func (in *Info) PieceHash2(l Layers, i int) (hash Hash256, ok bool) {
	if !in.V2 {
		return Hash256{}, false
	}
	f := &in.Files[in.Pieces.FileOf(i)]
	if f.Length <= in.PieceLength {
		return f.Root, true
	}
	k := i - int(f.Offset/in.PieceLength)
	layer := l[f.Root]
	if k >= len(layer) {
		return Hash256{}, false
	}
	return layer[k], true
}

// LeafCount returns the number of leaves, with those behind the end of the
// file, under PieceHash2 of piece i: those of a whole piece, or for a file of
// at most a piece the next power of two of its blocks.
func (in *Info) LeafCount(i int) int { return 1 << in.Tree(in.Pieces.FileOf(i)).PieceLayer }

// VerifyPiece1 reports whether blocks, in order, are piece i by its SHA-1.
// Their cuts do not matter; their lengths' sum must be Pieces.Size. Only if V1.
func (in *Info) VerifyPiece1(i int, blocks [][]byte) bool {
	if length(blocks) != in.Pieces.Size(i) {
		return false
	}
	p := hashing.NewPiece(true, false, 0)
	for _, b := range blocks {
		p.Write(b)
	}
	sum, _ := p.Sum(in.Pieces.Pad(i), 0)
	return sum == in.Pieces.SHA1(i)
}

// VerifyPair1 is VerifyPiece1 of the pieces i and j, whose blocks are a and b.
// If they are of one length and cut alike, both take little more than half the
// time together.
func (in *Info) VerifyPair1(i, j int, a, b [][]byte) (oki, okj bool) {
	if in.Pieces.Pad(i) == in.Pieces.Pad(j) {
		if x, y, ok := hashing.Sum1Pieces(a, b, in.Pieces.Pad(i)); ok {
			n := length(a)
			return n == in.Pieces.Size(i) && x == in.Pieces.SHA1(i), n == in.Pieces.Size(j) && y == in.Pieces.SHA1(j)
		}
	}
	return in.VerifyPiece1(i, a), in.VerifyPiece1(j, b)
}

func length(blocks [][]byte) (n int) {
	for _, b := range blocks {
		n += len(b)
	}
	return n
}

// VerifyPiece2 reports whether blocks, cut at hashing.BlockSize and in order, are
// piece i by its merkle root, which PieceHash2 returned. Only if V2.
func (in *Info) VerifyPiece2(i int, want Hash256, blocks [][]byte) bool {
	return in.isCut(i, blocks) && hashing.Root(hashing.Leaves(blocks), in.LeafCount(i)) == want
}

// isCut reports whether blocks are of the lengths that piece i has.
func (in *Info) isCut(i int, blocks [][]byte) bool {
	if len(blocks) != in.Pieces.Blocks(i) {
		return false
	}
	for b := range blocks {
		if len(blocks[b]) != in.Pieces.BlockLen(i, b) {
			return false
		}
	}
	return true
}

// VerifyBoth is VerifyPiece1 and VerifyPiece2 in little more than the time of
// one of them. Only of a hybrid.
func (in *Info) VerifyBoth(i int, want Hash256, blocks [][]byte) (ok1, ok2 bool) {
	if !in.isCut(i, blocks) {
		return in.VerifyPiece1(i, blocks), false
	}
	p := hashing.NewPiece(true, true, in.Pieces.Size(i))
	for _, b := range blocks {
		p.Write(b)
	}
	sum, root := p.Sum(in.Pieces.Pad(i), in.LeafCount(i))
	return sum == in.Pieces.SHA1(i), root == want
}
