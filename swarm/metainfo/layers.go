package metainfo

import (
	"crypto/sha1"
	"fmt"
	"slices"

	"p2pfs/swarm/sha"
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
	if n := ceilDiv(f.Length, in.PieceLength); int64(len(hashes)) != n {
		return fmt.Errorf("piece layer of %v: %d hashes for %d pieces", root, len(hashes), n)
	}
	if rootAt(hashes, ceilPow2(len(hashes)), in.pieceLevel()) != root {
		return fmt.Errorf("piece layer of %v: hashes to another root", root)
	}
	return nil
}

// pieceLevel returns the layer in which one hash covers a whole piece.
func (in *Info) pieceLevel() int { return log2(int(in.PieceLength / BlockSize)) }

// MissingLayers returns the files whose piece layer is needed and not in l,
// one of each root.
func (in *Info) MissingLayers(l Layers) []int {
	var files []int
	for k, i := range in.byRoot {
		f := &in.Files[i]
		if k > 0 && in.Files[in.byRoot[k-1]].Root == f.Root && in.Files[in.byRoot[k-1]].Length == f.Length {
			continue
		}
		if _, ok := l[f.Root]; !ok && f.Length > in.PieceLength {
			files = append(files, int(i))
		}
	}
	return files
}

// PieceHash2 returns the merkle root that covers piece i: the pieces root of
// a file of at most a piece, else from the layer. ok is false while the layer
// is not known, and always without version 2.
func (in *Info) PieceHash2(l Layers, i int) (hash Hash256, ok bool) {
	if !in.V2 {
		return Hash256{}, false
	}
	f := &in.Files[in.FileOfPiece(i)]
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
func (in *Info) LeafCount(i int) int {
	f := &in.Files[in.FileOfPiece(i)]
	if f.Length <= in.PieceLength {
		return ceilPow2(blocks(f.Length))
	}
	return int(in.PieceLength / BlockSize)
}

// VerifyPiece1 reports whether blocks, in order, are piece i by its SHA-1.
// Their cuts do not matter; their lengths' sum must be PieceSize. Only if V1.
func (in *Info) VerifyPiece1(i int, blocks [][]byte) bool {
	h, n := sha1.New(), 0
	for _, b := range blocks {
		n += len(b)
		h.Write(b)
	}
	if n != in.PieceSize(i) {
		return false
	}
	writeZeros(h, in.PadSize(i))
	var sum Hash
	h.Sum(sum[:0])
	return sum == in.PieceHash1(i)
}

// VerifyPair1 is VerifyPiece1 of the pieces i and j, whose blocks are a and b.
// If they are of one length and cut alike, both take little more than half the
// time together.
func (in *Info) VerifyPair1(i, j int, a, b [][]byte) (oki, okj bool) {
	like := func(a, b []byte) bool { return len(a) == len(b) }
	if in.PadSize(i) != in.PadSize(j) || !slices.EqualFunc(a, b, like) {
		return in.VerifyPiece1(i, a), in.VerifyPiece1(j, b)
	}
	h, n := sha.NewPair1(), 0
	for k := range a {
		n += len(a[k])
		h.Write(a[k], b[k])
	}
	for pad := in.PadSize(i); pad > 0; pad -= len(zeros) {
		z := zeros[:min(pad, len(zeros))]
		h.Write(z, z)
	}
	x, y := h.Sum()
	return n == in.PieceSize(i) && x == in.PieceHash1(i), n == in.PieceSize(j) && y == in.PieceHash1(j)
}

// VerifyPiece2 reports whether blocks, cut at BlockSize and in order, are
// piece i by its merkle root, which PieceHash2 returned. Only if V2.
func (in *Info) VerifyPiece2(i int, want Hash256, blocks [][]byte) bool {
	return in.isCut(i, blocks) && Root(BlockHashes(blocks), in.LeafCount(i)) == want
}

// isCut reports whether blocks are of the lengths that piece i has.
func (in *Info) isCut(i int, blocks [][]byte) bool {
	if len(blocks) != in.Blocks(i) {
		return false
	}
	for b := range blocks {
		if len(blocks[b]) != in.BlockLen(i, b) {
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
	h, leaves := sha.NewBoth(), make([]Hash256, len(blocks))
	for b := range blocks {
		leaves[b] = h.Write(blocks[b])
	}
	addZeros(h, in.PadSize(i))
	return h.Sum() == in.PieceHash1(i), Root(leaves, in.LeafCount(i)) == want
}
