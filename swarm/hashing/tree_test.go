package hashing

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
)

// fileTest is a file's tree with all its hashes.
type fileTest struct {
	Tree
	per    int       // leaves of a piece
	layer  []Hash256 // nil for a file of one piece
	leaves []Hash256
	rows   [][]Hash256 // the whole tree, every layer as wide as it gets
}

func newFileTest(t testing.TB, length, pieceLength int) *fileTest {
	t.Helper()
	data := testBytes(length, uint64(length))
	h := slowHashes(data, pieceLength)
	f := &fileTest{Tree: NewTree(h.Root, int64(length), int64(pieceLength)), per: pieceLength / BlockSize, layer: h.Layer}
	for b := range slices.Chunk(data, BlockSize) {
		f.leaves = append(f.leaves, sha256.Sum256(b))
	}
	row := slices.Clone(f.leaves)
	for len(row)&(len(row)-1) != 0 {
		row = append(row, Hash256{})
	}
	for {
		f.rows = append(f.rows, row)
		if len(row) == 1 {
			return f
		}
		var up []Hash256
		for pair := range slices.Chunk(row, 2) {
			up = append(up, parent(pair[0], pair[1]))
		}
		row = up
	}
}

// pieceLeaves is what Answer asks for.
func (ft *fileTest) pieceLeaves(piece int) ([]Hash256, bool) {
	return ft.leaves[piece*ft.per : min(len(ft.leaves), (piece+1)*ft.per)], true
}

// treeShapes are lengths in blocks and piece lengths in blocks: one block, one
// piece, powers of two and not, and so that the last piece is short.
var treeShapes = [][2]int{
	{1, 1}, {1, 4}, {2, 1}, {2, 2}, {2, 4}, {3, 1}, {3, 2}, {3, 4}, {4, 4}, {5, 1}, {5, 2}, {5, 4}, {5, 8}, {7, 2}, {8, 2}, {8, 4},
	{9, 4}, {12, 4}, {13, 4}, {16, 4}, {17, 1}, {17, 4}, {17, 16}, {31, 2}, {33, 8}, {40, 32}, {65, 4}, {100, 64},
}

// eachShape runs f for each tree shape, with whole and with short last blocks.
func eachShape(t *testing.T, f func(t *testing.T, ft *fileTest)) {
	for _, s := range treeShapes {
		for _, short := range []int{0, 1, BlockSize - 1} {
			t.Run(fmt.Sprintf("%d-%d/%d", s[0], short, s[1]), func(t *testing.T) {
				f(t, newFileTest(t, s[0]*BlockSize-short, s[1]*BlockSize))
			})
		}
	}
}

// eachRequest calls f with every request that the tree allows.
func (ft *fileTest) eachRequest(f func(r HashRequest)) {
	for base := range ft.Height {
		width := 1 << (ft.Height - base)
		for n := 2; n <= width; n *= 2 {
			for i := 0; i < width; i += n {
				for p := range ft.Height - base {
					f(HashRequest{ft.Root, base, i, n, p})
				}
			}
		}
	}
}

// TestAnswer compares every answer with the tree itself.
func TestAnswer(t *testing.T) {
	eachShape(t, func(t *testing.T, ft *fileTest) {
		if got := len(ft.rows) - 1; got != ft.Height {
			t.Fatalf("height %d, want %d", ft.Height, got)
		}
		tree, ok := ft.HashTree(ft.layer)
		if !ok {
			t.Fatal("no tree")
		}
		ft.eachRequest(func(r HashRequest) {
			hashes, uncles, ok := tree.Answer(r, ft.pieceLeaves)
			between := r.BaseLayer != 0 && r.BaseLayer < ft.PieceLayer
			if ok == between {
				t.Fatalf("%+v: ok %v", r, ok)
			}
			if !ok {
				return
			}
			if want := ft.rows[r.BaseLayer][r.Index : r.Index+r.Length]; !slices.Equal(hashes, want) {
				t.Fatalf("%+v: wrong hashes", r)
			}
			var want []Hash256
			// BEP 52: an uncle from each proof layer that the run does not cover.
			for p := 1; p <= r.ProofLayers; p++ {
				if ancestor := r.Index >> p; 1<<p >= r.Length {
					want = append(want, ft.rows[r.BaseLayer+p][ancestor^1])
				}
			}
			if !slices.Equal(uncles, want) || len(want) != r.Uncles() {
				t.Fatalf("%+v: %d uncles of %d, or wrong ones", r, len(uncles), len(want))
			}
			full := r.ProofLayers == ft.Height-r.BaseLayer-1 || r.Length == 1<<(ft.Height-r.BaseLayer)
			if full != ft.Verify(nil, r, hashes, uncles) {
				t.Fatalf("%+v: verified %v", r, !full)
			}
		})
	})
}

// TestVerifyHashes changes true answers in every way.
func TestVerifyHashes(t *testing.T) {
	eachShape(t, func(t *testing.T, ft *fileTest) {
		tree, _ := ft.HashTree(ft.layer)
		ft.eachRequest(func(r HashRequest) {
			hashes, uncles, ok := tree.Answer(r, ft.pieceLeaves)
			if !ok || !ft.Verify(nil, r, hashes, uncles) {
				return
			}
			refuse := func(what string, r HashRequest, hashes, uncles []Hash256) {
				t.Helper()
				if ft.Verify(ft.layer, r, hashes, uncles) {
					t.Fatalf("%+v: accepted with %s", r, what)
				}
			}
			for _, list := range [][]Hash256{hashes, uncles} {
				for i := range list {
					list[i][i%32] ^= 1 << (i % 8)
					refuse("a flipped bit", r, hashes, uncles)
					list[i][i%32] ^= 1 << (i % 8)
				}
			}
			refuse("a hash missing", r, hashes[1:], uncles)
			refuse("half the hashes", r, hashes[:r.Length/2], uncles)
			refuse("no hashes", r, nil, uncles)
			refuse("an uncle too many", r, hashes, append(slices.Clone(uncles), Hash256{}))
			if len(uncles) > 0 {
				refuse("an uncle missing", r, hashes, uncles[1:])
				refuse("the last uncle missing", r, hashes, uncles[:len(uncles)-1])
				moved := r
				moved.Index ^= r.Length
				// Equal neighbours, as padding is, may change places.
				if !slices.Equal(hashes, ft.rows[r.BaseLayer][moved.Index:moved.Index+r.Length]) {
					refuse("another index", moved, hashes, uncles)
				}
			}
			for _, bad := range []HashRequest{
				{[32]byte{1}, r.BaseLayer, r.Index, r.Length, r.ProofLayers},
				{r.Root, r.BaseLayer + 1, r.Index, r.Length, r.ProofLayers},
				{r.Root, r.BaseLayer, r.Index + 1, r.Length, r.ProofLayers},
				{r.Root, r.BaseLayer, r.Index, r.Length, r.ProofLayers + len(uncles) + 20},
				{r.Root, -1, r.Index, r.Length, r.ProofLayers},
				{r.Root, r.BaseLayer, -r.Length, r.Length, r.ProofLayers},
				{r.Root, r.BaseLayer, r.Index, r.Length, -1},
			} {
				refuse("other coordinates", bad, hashes, uncles)
			}
		})
	})
}

// TestNodesAsLeaves passes a layer's nodes for those of a lower one.
func TestNodesAsLeaves(t *testing.T) {
	ft := newFileTest(t, 8*BlockSize, 4*BlockSize)
	r := HashRequest{ft.Root, 0, 0, 2, 0}
	if ft.Verify(ft.layer, r, ft.rows[2], nil) {
		t.Error("nodes of layer 2 passed for leaves")
	}
	if verifyProof(r.Root, 0, 8, ft.rows[2], nil) {
		t.Error("verifyProof took nodes of layer 2 for leaves")
	}
	if !verifyProof(r.Root, 0, 2, ft.rows[2], nil) {
		t.Error("nodes of layer 2 refused as such")
	}
}

// TestRequests makes the requests for a whole file, answers them, and puts
// the answers together.
func TestRequests(t *testing.T) {
	eachShape(t, func(t *testing.T, ft *fileTest) {
		tree, _ := ft.HashTree(ft.layer)
		var layer []Hash256
		for _, r := range ft.LayerRequests() {
			hashes, uncles, ok := tree.Answer(r, nil)
			if !ok || !ft.Verify(nil, r, hashes, uncles) {
				t.Fatalf("%+v: no true answer", r)
			}
			layer = append(layer, hashes[:min(r.Length, ft.Pieces-r.Index)]...)
		}
		if !slices.Equal(layer, ft.layer) || layer != nil && !ft.IsLayer(layer) {
			t.Error("layer put together is not the layer")
		}
		for _, l := range [][]Hash256{nil, ft.layer} {
			var leaves []Hash256
			for i := range ft.Pieces {
				got := leaves
				for _, r := range leafRequests(ft.Tree, l, i) {
					hashes, uncles, ok := tree.Answer(r, ft.pieceLeaves)
					if !ok || !ft.Verify(l, r, hashes, uncles) {
						t.Fatalf("%+v: no true answer", r)
					}
					if l != nil && r.Length == 1<<ft.PieceLayer && len(uncles) > 0 {
						t.Errorf("%+v: proof of what the layer proves", r)
					}
					got = append(got, hashes...)
				}
				if ft.PieceLayer == 0 { // the piece's hash is its leaf
					got = append(got, ft.rows[0][i])
				}
				leaves = got[:min(len(ft.leaves), (i+1)<<ft.PieceLayer)]
			}
			if !slices.Equal(leaves, ft.leaves) {
				t.Error("leaves put together are not the leaves")
			}
		}
	})
}

// TestLongRuns has pieces of more leaves, and a layer of more hashes, than
// one request may ask for.
func TestLongRuns(t *testing.T) {
	leaves := make([]Hash256, 2500)
	for i := range leaves {
		leaves[i] = Hash256{byte(i), byte(i >> 8), 1}
	}
	for _, per := range []int{1, 2, 1024, 4096} { // leaves of a piece
		layer := []Hash256{}
		for p := range slices.Chunk(leaves, per) {
			layer = append(layer, Root(p, per))
		}
		root := Root(leaves, 4096)
		shape := NewTree(root, int64(len(leaves))*BlockSize, int64(per)*BlockSize)
		if !shape.IsLayer(layer) {
			t.Errorf("pieces of %d: the layer is not the layer", per)
		}
		if len(layer) == 1 {
			layer = nil
		}
		tree, _ := shape.HashTree(layer)
		ask := func(i int) ([]Hash256, bool) { return leaves[i*per : min(len(leaves), i*per+per)], true }
		reqs := shape.LayerRequests()
		for i := range shape.Pieces {
			reqs = append(reqs, leafRequests(shape, nil, i)...)
			reqs = append(reqs, leafRequests(shape, layer, i)...)
		}
		for _, r := range reqs {
			hashes, uncles, ok := tree.Answer(r, ask)
			if r.Length > MaxHashes || !ok || !shape.Verify(layer, r, hashes, uncles) {
				t.Errorf("pieces of %d: %+v: no true answer", per, r)
			}
		}
	}
}

func TestAnswerRefuses(t *testing.T) {
	ft := newFileTest(t, 13*BlockSize, 4*BlockSize)
	tree, _ := ft.HashTree(ft.layer)
	root := ft.Root
	none := func(int) ([]Hash256, bool) { return nil, false }
	wrong := func(i int) ([]Hash256, bool) { return make([]Hash256, min(4, 13-4*i)), true }
	few := func(i int) ([]Hash256, bool) { l, _ := ft.pieceLeaves(i); return l[1:], true }
	for _, leaves := range []func(int) ([]Hash256, bool){none, wrong, few} {
		if _, _, ok := tree.Answer(HashRequest{root, 0, 0, 4, 3}, leaves); ok {
			t.Error("answered from bad leaves")
		}
	}
	for _, r := range []HashRequest{
		{[32]byte{}, 0, 0, 2, 0}, {root, 1, 0, 2, 0}, {root, 4, 0, 2, 0}, {root, 0, 0, 1, 0}, {root, 0, 0, 3, 0}, {root, 0, 0, 32, 0},
		{root, 0, 1, 2, 0}, {root, 0, 16, 2, 0}, {root, 0, 0, 2, 4}, {root, 2, 0, 2, 2}, {root, 0, 0, 0, 0}, {root, 0, 0, -2, 0},
		{root, 1 << 30, 0, 2, 0}, {root, 0, 1 << 30, 2, 0}, {root, 0, 0, 1 << 30, 0}, {root, 0, 0, 2, 1 << 30}, {root, -1, 0, 2, 0},
	} {
		if _, _, ok := tree.Answer(r, ft.pieceLeaves); ok {
			t.Errorf("%+v: answered", r)
		}
	}
	if _, ok := ft.HashTree(nil); ok {
		t.Error("a tree without its layer")
	}
}

// leafRequests returns the requests whose answers are together the leaves of
// a piece: one, unless the piece has more than MaxHashes. The proof goes to
// the piece layer where that is known (most often nothing is needed then), else
// to the root. There are none for a piece of one leaf: its hash is the leaf.
func leafRequests(t Tree, layer []Hash256, piece int) []HashRequest {
	leaves := 1 << t.PieceLayer
	if leaves == 1 {
		return nil
	}
	n, proof := min(MaxHashes, leaves), t.Height-1
	if layer != nil || t.Pieces == 1 {
		if proof = t.PieceLayer - 1; n == leaves {
			proof = 0
		}
	}
	var list []HashRequest
	for i := 0; i < min(leaves, t.Blocks-piece*leaves); i += n {
		list = append(list, HashRequest{t.Root, 0, piece*leaves + i, n, proof})
	}
	return list
}

// TestIsLayer changes a layer in every way.
func TestIsLayer(t *testing.T) {
	ft := newFileTest(t, 3*64<<10+1, 64<<10)
	l := ft.layer
	changed := slices.Clone(l)
	changed[2][5] ^= 1
	for name, bad := range map[string][]Hash256{
		"none": nil, "fewer": l[:3], "more": append(slices.Clone(l), PadHash(2)), "changed": changed,
		"swapped": {l[1], l[0], l[2], l[3]}, "the layer above": {parent(l[0], l[1]), parent(l[2], l[3])},
	} {
		if ft.IsLayer(bad) {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRootPanics(t *testing.T) {
	for _, c := range []struct{ leaves, width int }{{1, 0}, {3, 2}, {1, 3}, {0, 0}} {
		func() {
			defer func() { _ = recover() }()
			Root(make([]Hash256, c.leaves), c.width)
			t.Errorf("Root of %d leaves at width %d did not panic", c.leaves, c.width)
		}()
	}
	for level := range 10 {
		if Root(nil, 1<<level) != PadHash(level) || Root(make([]Hash256, 1<<level), 1<<level) != PadHash(level) {
			t.Errorf("PadHash(%d) is not the root of zeros", level)
		}
	}
}

func FuzzVerifyHashes(f *testing.F) {
	var trees []*fileTest
	for _, s := range treeShapes[:16] {
		ft := newFileTest(f, s[0]*BlockSize-1, s[1]*BlockSize)
		trees = append(trees, ft)
		for _, r := range append(ft.LayerRequests(), leafRequests(ft.Tree, nil, 0)...) {
			for _, d := range []int{-1, 0, 1} {
				f.Add(uint(len(trees)-1), r.BaseLayer, r.Index+d, r.Length, r.ProofLayers, []byte{})
				f.Add(uint(len(trees)-1), r.BaseLayer, r.Index, r.Length+d, r.ProofLayers, make([]byte, 64))
				f.Add(uint(len(trees)-1), r.BaseLayer, r.Index, r.Length, r.ProofLayers+d, make([]byte, 128))
				f.Add(uint(len(trees)-1), r.BaseLayer+d, r.Index, r.Length, r.ProofLayers, make([]byte, 32))
			}
		}
	}
	f.Fuzz(func(t *testing.T, which uint, base, index, length, proof int, change []byte) {
		ft := trees[which%uint(len(trees))]
		r := HashRequest{ft.Root, base, index, length, proof}
		tree, _ := ft.HashTree(ft.layer)
		hashes, uncles, ok := tree.Answer(r, ft.pieceLeaves)
		if !ok {
			if split, whole := SplitHashes(change); whole {
				n := min(len(split), max(0, length))
				ft.Verify(ft.layer, r, split[:n], split[n:])
			}
			return
		}
		if !slices.Equal(hashes, ft.rows[base][index:index+length]) {
			t.Fatalf("%+v: wrong hashes", r)
		}
		for i, b := range change {
			hashes[i%len(hashes)][i/len(hashes)%32] ^= b
		}
		changed := !slices.Equal(hashes, ft.rows[base][index:index+length])
		if changed && ft.Verify(ft.layer, r, hashes, uncles) {
			t.Fatalf("%+v: changed hashes accepted", r)
		}
	})
}
