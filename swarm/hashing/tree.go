package hashing

import "fmt"

// MaxHashes is how many hashes of one layer a hash request may name (BEP 52:
// SHOULD NOT be greater).
const MaxHashes = 512

// maxAnswered is how many are answered all the same: libtorrent's bound.
const maxAnswered = 8192

// HashRequest names a part of a file's merkle tree as BEP 52's hash request,
// hashes and hash reject messages do. Coordinates: layer 0 is the leaves; the
// node i of a layer is the parent of nodes 2i and 2i+1 of the layer below;
// layers are as wide as if the file's blocks were filled up to a power of two
// (see Tree), and the nodes behind the file's end are PadHash of their layer.
//
// The answer has the Length nodes of BaseLayer from Index on, then uncles:
// the siblings of the ancestors of that run, lowest first. The run is the
// whole tree under one node of layer BaseLayer + log2(Length), the first
// whose sibling is needed. ProofLayers counts from the layer above BaseLayer
// on, including those layers that the run itself yields, so that there are
// ProofLayers - (log2(Length)-1) uncles, and the proof ends at layer
// BaseLayer + log2(Length) + uncles. With ProofLayers = Height - BaseLayer - 1
// that is the root; more is not allowed.
//
// A hash reject has the same fields, and they open a hashes message.
type HashRequest struct {
	Root        Hash256 // pieces root of the file
	BaseLayer   int     // 0 is the leaves
	Index       int     // of the first hash in the base layer; a multiple of Length
	Length      int     // hashes of the base layer; a power of two, at least 2
	ProofLayers int
}

// Uncles returns how many hashes of proof follow the Length hashes.
func (r HashRequest) Uncles() int { return max(0, r.ProofLayers-log2(r.Length)+1) }

// top returns the layer of the node that the proof ends at.
func (r HashRequest) top() int { return r.BaseLayer + log2(r.Length) + r.Uncles() }

// Tree is the shape of a file's merkle tree, and its root.
type Tree struct {
	Root       Hash256
	Blocks     int // leaves that are of the file; 1<<Height with the others
	Pieces     int // nodes of the piece layer that are of the file
	Height     int // layer of the root
	PieceLayer int // at most Height: the root itself, if the file is no larger than a piece
}

// NewTree returns the tree of a file of length bytes, which is not 0.
// pieceLength is a power of two, at least BlockSize.
func NewTree(root Hash256, length, pieceLength int64) Tree {
	t := Tree{Root: root, Blocks: int(ceilDiv(length, BlockSize)), Pieces: int(ceilDiv(length, pieceLength))}
	t.Height = log2(ceilPow2(t.Blocks))
	t.PieceLayer = min(log2(int(pieceLength/BlockSize)), t.Height)
	return t
}

// IsLayer reports whether hashes are the tree's whole piece layer.
func (t Tree) IsLayer(hashes []Hash256) bool {
	return len(hashes) == t.Pieces && rootAt(hashes, 1<<(t.Height-t.PieceLayer), t.PieceLayer) == t.Root
}

// Check returns nil if r names nodes that the tree has.
func (t Tree) Check(r HashRequest) error {
	if r.Root != t.Root {
		return fmt.Errorf("root %v of a tree of root %v", r.Root, t.Root)
	}
	width := 0 // of the base layer
	if r.BaseLayer >= 0 && r.BaseLayer < t.Height {
		width = 1 << (t.Height - r.BaseLayer)
	}
	switch {
	case width == 0:
		return fmt.Errorf("base layer %d of a tree of height %d", r.BaseLayer, t.Height)
	case r.Length < 2 || r.Length > maxAnswered || r.Length&(r.Length-1) != 0 || r.Length > width:
		return fmt.Errorf("%d hashes of a layer of %d", r.Length, width)
	case r.Index < 0 || r.Index%r.Length != 0 || r.Index > width-r.Length:
		return fmt.Errorf("%d hashes at %d of a layer of %d", r.Length, r.Index, width)
	case r.ProofLayers < 0 || r.ProofLayers >= t.Height-r.BaseLayer:
		return fmt.Errorf("%d proof layers above layer %d of a tree of height %d", r.ProofLayers, r.BaseLayer, t.Height)
	}
	return nil
}

// verifyProof reports whether hashes stand at index of a layer that has count
// nodes under top, of which uncles, lowest first, are the proof. index and
// count leave out what is not under top. Both count and the number of hashes
// must be powers of two, and there must be exactly the uncles that lead from
// the one to the other: without that, nodes could pass for leaves.
func verifyProof(top Hash256, index, count int, hashes, uncles []Hash256) bool {
	n := len(hashes)
	if n == 0 || n&(n-1) != 0 || count < n || count&(count-1) != 0 || log2(count/n) != len(uncles) {
		return false
	}
	if index < 0 || index >= count || index%n != 0 {
		return false
	}
	node, pos := Root(hashes, n), index/n
	for _, u := range uncles {
		if pos&1 == 0 {
			node = parent(node, u)
		} else {
			node = parent(u, node)
		}
		pos >>= 1
	}
	return node == top
}

// Verify reports whether hashes and uncles answer r truly. Their proof must
// end at the root, or at the piece layer where that is known: layer, else nil.
func (t Tree) Verify(layer []Hash256, r HashRequest, hashes, uncles []Hash256) bool {
	if t.Check(r) != nil || len(hashes) != r.Length || len(uncles) != r.Uncles() {
		return false
	}
	switch r.top() {
	case t.Height:
		return verifyProof(t.Root, r.Index, 1<<(t.Height-r.BaseLayer), hashes, uncles)
	case t.PieceLayer:
		count := 1 << (t.PieceLayer - r.BaseLayer)
		piece := r.Index / count
		if piece >= t.Pieces || piece >= len(layer) {
			return false
		}
		return verifyProof(layer[piece], r.Index%count, count, hashes, uncles)
	}
	return false
}

// LayerRequests returns the requests whose answers are together the piece
// layer, each with its proof to the root. There are none for a file of at most
// a piece. Hashes behind the file's end come with the last.
func (t Tree) LayerRequests() []HashRequest {
	if t.Pieces == 1 {
		return nil
	}
	n := min(MaxHashes, 1<<(t.Height-t.PieceLayer))
	var list []HashRequest
	for i := 0; i < t.Pieces; i += n {
		list = append(list, HashRequest{t.Root, t.PieceLayer, i, n, t.Height - t.PieceLayer - 1})
	}
	return list
}
