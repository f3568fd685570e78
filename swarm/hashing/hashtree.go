package hashing

// HashTree is the upper part of a file's merkle tree, from the piece layer to
// the root: what hash requests are answered from. It takes twice the memory
// of the piece layer, is immutable and safe for concurrent use.
type HashTree struct {
	shape Tree
	rows  [][]Hash256 // [k] is layer PieceLayer+k, without what is behind the file's end
}

// HashTree returns the tree with its hashes. layer is the piece layer, which
// only a file larger than a piece needs; ok is false if it has not as many
// hashes as the file has pieces. That they are the file's is not checked: see
// IsLayer.
func (t Tree) HashTree(layer []Hash256) (tree *HashTree, ok bool) {
	if t.Pieces == 1 {
		layer = []Hash256{t.Root}
	}
	if len(layer) != t.Pieces {
		return nil, false
	}
	return &HashTree{shape: t, rows: climb(layer, t.PieceLayer, t.Height)}, true
}

// climb returns row, which is of layer from, and the layers above it up to
// layer to.
func climb(row []Hash256, from, to int) [][]Hash256 {
	rows := [][]Hash256{row}
	for ; from < to; from++ {
		row = parents(make([]Hash256, (len(row)+1)/2), row, from)
		rows = append(rows, row)
	}
	return rows
}

// Answer returns what a hashes message must carry for r: r.Length hashes of
// the base layer, then r.Uncles() of proof. leaves returns the leaves of a
// piece of the file (counted from the file's first), without those behind its
// end; it is called for base layer 0 only, a piece once, and may say that it
// has none. What does not lead to the piece's hash is not passed on.
//
// ok is false, and the request to be rejected, when r does not fit the tree,
// leaves are missing, or the base layer lies between the leaves and the piece
// layer (which BEP 52 leaves to the answerer).
func (t *HashTree) Answer(r HashRequest, leaves func(piece int) ([]Hash256, bool)) (hashes, uncles []Hash256, ok bool) {
	if t.shape.Check(r) != nil {
		return nil, nil, false
	}
	low := t.shape.PieceLayer
	if r.BaseLayer >= low {
		for i := range r.Length {
			hashes = append(hashes, t.node(r.BaseLayer, r.Index+i))
		}
		return hashes, t.uncles(r, low, nil), true
	}
	if r.BaseLayer != 0 {
		return nil, nil, false
	}
	per := 1 << low // leaves of a piece
	var rows [][]Hash256
	for at := r.Index; at < r.Index+r.Length; {
		if rows, ok = t.lower(at/per, leaves); !ok {
			return nil, nil, false
		}
		for end := min(r.Index+r.Length, (at/per+1)*per); at < end; at++ {
			hashes = append(hashes, nodeOf(rows, 0, 0, at%per))
		}
	}
	return hashes, t.uncles(r, low, rows), true
}

// uncles returns the proof of r. rows are the layers below low of the piece
// that r lies in, where it is shorter than a piece.
func (t *HashTree) uncles(r HashRequest, low int, rows [][]Hash256) []Hash256 {
	list := make([]Hash256, 0, r.Uncles())
	layer := r.BaseLayer + log2(r.Length)
	for pos := r.Index / r.Length; len(list) < r.Uncles(); pos, layer = pos>>1, layer+1 {
		if layer >= low {
			list = append(list, t.node(layer, pos^1))
		} else {
			list = append(list, nodeOf(rows, 0, layer, (pos^1)%(1<<(low-layer))))
		}
	}
	return list
}

// lower returns the layers of one piece, from its leaves to the piece layer.
func (t *HashTree) lower(piece int, leaves func(piece int) ([]Hash256, bool)) ([][]Hash256, bool) {
	low := t.shape.PieceLayer
	if piece >= t.shape.Pieces {
		return make([][]Hash256, low+1), true
	}
	row, ok := leaves(piece)
	if want := min(1<<low, t.shape.Blocks-piece<<low); !ok || len(row) != want {
		return nil, false
	}
	rows := climb(row, 0, low)
	return rows, rows[low][0] == t.node(low, piece)
}

// node returns node i of a layer that is the piece layer or above.
func (t *HashTree) node(layer, i int) Hash256 { return nodeOf(t.rows, t.shape.PieceLayer, layer, i) }

// nodeOf returns node i of a layer, of which rows has those from low on.
func nodeOf(rows [][]Hash256, low, layer, i int) Hash256 {
	if row := rows[layer-low]; i < len(row) {
		return row[i]
	}
	return PadHash(layer)
}
