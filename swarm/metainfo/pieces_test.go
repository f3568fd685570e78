package metainfo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"p2pfs/swarm/hashing"
)

// randomTorrents returns torrents of all versions with random files, many of
// them empty or of a length near a block's or piece's.
func randomTorrents(t *testing.T, n int) []*Info {
	rng := rand.New(rand.NewPCG(1, 2))
	var out []*Info
	for i := range n {
		pl := 16 << 10 << rng.IntN(2)
		var l list
		tr := dict{}
		end := 0
		for k := range 1 + rng.IntN(6) {
			length := []int{0, 1, hashing.BlockSize, pl, 2 * pl, rng.IntN(5 * pl)}[rng.IntN(6)] + rng.IntN(3) - 1
			length = max(0, length)
			name := fmt.Sprint(k)
			tr[name] = leafOf(length, byte(length%61))
			tr[name].(dict)[""].(dict)["length"] = length
			l = append(l, entry(length, name))
			end += length
			if gap := -length & (pl - 1); gap > 0 && i%3 == 2 {
				l = append(l, padding(gap))
				end += gap
			}
		}
		d := dict{"name": "d", "piece length": pl}
		if i%3 != 1 {
			d["files"], d["pieces"] = l, pieces((end+pl-1)/pl)
		}
		if i%3 != 0 {
			d["meta version"], d["file tree"] = 2, tr
		}
		in, err := ParseInfo(encode(t, d))
		if err != nil {
			// Random lengths may share a root.
			continue
		}
		out = append(out, in)
	}
	if len(out) < n/2 {
		t.Fatalf("only %d torrents of %d", len(out), n)
	}
	return out
}

// TestGeometry compares all arithmetic with a map of piece space, byte runs of
// which are kept as (file, offset) at each position.
func TestGeometry(t *testing.T) {
	for _, in := range randomTorrents(t, 150) {
		// want[p] is the file under position p; -1 a gap.
		var want []int
		for f := range in.Files {
			for int64(len(want)) < in.Files[f].Offset {
				want = append(want, -1)
			}
			for range in.Files[f].Length {
				want = append(want, f)
			}
		}
		pl := int(in.PieceLength)
		if got := in.Pieces.Count(); got != (len(want)+pl-1)/pl {
			t.Fatalf("%d pieces for %d bytes of %d", got, len(want), pl)
		}
		for i := range in.Pieces.Count() {
			piece := want[i*pl : min(len(want), (i+1)*pl)]
			checkPiece(t, in, i, piece)
		}
		checkFiles(t, in)
	}
}

// checkPiece compares what is said about a piece with the files under its
// bytes.
func checkPiece(t *testing.T, in *Info, i int, piece []int) {
	t.Helper()
	first := in.Pieces.FileOf(i)
	if first != piece[0] {
		t.Fatalf("piece %d is of file %d, want %d", i, first, piece[0])
	}
	size, pad := len(piece), 0
	if in.V2 {
		for size = 0; size < len(piece) && piece[size] == first; size++ {
		}
		for _, f := range piece[size:] {
			if f >= 0 {
				pad++
			}
			if f >= 0 && !in.Files[f].Pad {
				t.Fatalf("piece %d is of files %d and %d", i, first, f)
			}
		}
	}
	if in.Pieces.Size(i) != size || in.Pieces.Pad(i) != pad {
		t.Fatalf("piece %d: got %d and %d bytes, want %d, %d", i, in.Pieces.Size(i), in.Pieces.Pad(i), size, pad)
	}
	sum := 0
	for b := range in.Pieces.Blocks(i) {
		n := in.Pieces.BlockLen(i, b)
		if n < 1 || n > hashing.BlockSize || n < hashing.BlockSize && b < in.Pieces.Blocks(i)-1 {
			t.Fatalf("piece %d: block %d of %d bytes", i, b, n)
		}
		sum += n
	}
	if sum != size {
		t.Fatalf("piece %d: blocks of %d bytes, want %d", i, sum, size)
	}
	for _, r := range [][2]int{{0, size}, {0, 1}, {size - 1, 1}, {size / 3, size / 2}, {0, size + pad}, {size / 2, math.MaxInt}} {
		checkSpans(t, in, i, r[0], piece[r[0]:min(len(piece), r[0]+min(r[1], len(piece)))])
	}
}

// checkSpans compares the spans from begin of a piece with the files under
// its bytes there.
func checkSpans(t *testing.T, in *Info, piece, begin int, want []int) {
	t.Helper()
	for len(want) > 0 && want[len(want)-1] < 0 {
		want = want[:len(want)-1]
	}
	pos := 0
	for _, s := range in.Pieces.Spans(piece, int64(begin), int64(len(want))) {
		for _, k := range []int64{0, s.Length - 1} {
			if at := pos + int(k); at >= len(want) || want[at] != s.File {
				t.Fatalf("piece %d from %d: span %+v at %d", piece, begin, s, pos)
			}
			if p, b := in.Pieces.At(s.File, s.Offset+k); p != piece || b != int64(begin+pos)+k {
				t.Fatalf("byte %d of file %d is in piece %d at %d", s.Offset+k, s.File, p, b)
			}
		}
		pos += int(s.Length)
	}
	if pos != len(want) {
		t.Fatalf("piece %d from %d: spans of %d bytes, want %d", piece, begin, pos, len(want))
	}
}

// checkFiles compares what is said about files with their places.
func checkFiles(t *testing.T, in *Info) {
	t.Helper()
	var sum int64
	for f := range in.Files {
		file := &in.Files[f]
		if !file.Pad {
			sum += file.Length
		}
		first, n := in.Pieces.OfFile(f)
		if file.Length == 0 {
			if n != 0 {
				t.Fatalf("an empty file has %d pieces", n)
			}
			continue
		}
		p0, _ := in.Pieces.At(f, 0)
		p1, _ := in.Pieces.At(f, file.Length-1)
		if first != p0 || n != p1-p0+1 {
			t.Fatalf("file %d: pieces %d, %d, want %d, %d", f, first, n, p0, p1-p0+1)
		}
		if in.V2 && !file.Pad {
			if k, ok := in.FileByRoot(file.Root); !ok || in.Files[k].Root != file.Root {
				t.Fatalf("file %d is not found by its root", f)
			}
			if tree := in.Tree(f); tree.Pieces != n || tree.Blocks != int(ceilDiv(file.Length, hashing.BlockSize)) {
				t.Fatalf("file %d: tree %+v", f, tree)
			}
		}
	}
	if in.Length() != sum {
		t.Fatalf("length %d, want %d", in.Length(), sum)
	}
	if _, ok := in.FileByRoot(Hash256{9}); ok {
		t.Fatal("a file found by another root")
	}
}

func TestCheckBlock(t *testing.T) {
	for _, c := range []struct {
		in                   dict
		index, begin, length int64
		ok                   bool
	}{
		{single1, 0, 0, 1, true}, {single1, 0, 0, hashing.BlockSize, true}, {single1, 0, 16384, 16384, true}, {single1, 0, 0, 32768, true},
		{single1, 0, 0, 32769, false}, {single1, 0, 32767, 1, true}, {single1, 0, 32767, 2, false}, {single1, 0, 32768, 1, false},
		{single1, 0, 0, 0, false}, {single1, 0, 0, -1, false}, {single1, 0, -1, 1, false}, {single1, -1, 0, 1, false}, {single1, 2, 0, 1, false},
		{single1, 1, 0, 7232, true}, {single1, 1, 0, 7233, false}, {single1, 1, 7231, 1, true}, {single1, 1, 7232, 1, false},
		{single1, math.MaxUint32, 0, 1, false}, {single1, 0, math.MaxUint32, 1, false}, {single1, 0, 1, math.MaxUint32, false},
		{single1, math.MaxInt64, 0, 1, false}, {single1, 0, math.MaxInt64, math.MaxInt64, false}, {single1, 0, 1, math.MaxInt64, false},
		{with(single1, "piece length", 1<<20, "length", 1<<20, "pieces", pieces(1)), 0, 0, 128 << 10, true},
		{with(single1, "piece length", 1<<20, "length", 1<<20, "pieces", pieces(1)), 0, 0, 128<<10 + 1, false},
		// So may, in version 2, what nobody has behind a file's end.
		{multi2, 1, 0, 7232, true}, {multi2, 1, 0, 7233, true}, {multi2, 1, 7232, 1, false}, {multi2, 2, 9_999, 2, true}, {multi2, 2, 0, 32769, false},
		// The zeros behind a hybrid's file may be asked for, to the piece's end.
		{hybrid, 1, 0, 7233, true}, {hybrid, 1, 16384, 16384, true}, {hybrid, 1, 16384, 16385, false}, {hybrid, 2, 0, 10_001, false},
	} {
		in, err := ParseInfo(encode(t, c.in))
		if err != nil {
			t.Fatal(err)
		}
		if got := in.Pieces.CheckBlock(c.index, c.begin, c.length); got != c.ok {
			t.Errorf("%s: CheckBlock(%d, %d, %d): got %v", in.Name, c.index, c.begin, c.length, got)
		}
	}
}

func TestEmptyTorrent(t *testing.T) {
	in, err := BuildV1("f", 0, 64<<10, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if in.Pieces.Count() != 0 || in.Pieces.CheckBlock(0, 0, 1) || in.Length() != 0 {
		t.Errorf("got %+v", in)
	}
	for name, f := range map[string]func(){
		"PieceSize":  func() { in.Pieces.Size(0) },
		"PieceHash1": func() { in.Pieces.SHA1(0) },
		"Spans":      func() { in.Pieces.Spans(0, 0, 1) },
		"negative":   func() { in.Pieces.Size(-1) },
	} {
		func() {
			defer func() { _ = recover() }()
			f()
			t.Errorf("%s of a piece that does not exist did not panic", name)
		}()
	}
}

func TestVerifyPiece(t *testing.T) {
	data := testBytes(5*64<<10+20_000, 7)
	h := hashesOf(data, 64<<10)
	one, err1 := BuildV1("f", h.Length, h.PieceLength, h.Pieces, Options{})
	two, err2 := BuildV2("f", h.Length, h.PieceLength, h.Root, Options{})
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	layers := Layers{h.Root: h.Layer}
	for i := range one.Pieces.Count() {
		piece := data[i*64<<10 : i*64<<10+one.Pieces.Size(i)]
		var blocks [][]byte
		for b := range one.Pieces.Blocks(i) {
			blocks = append(blocks, piece[b*hashing.BlockSize:b*hashing.BlockSize+one.Pieces.BlockLen(i, b)])
		}
		want, _ := two.PieceHash2(layers, i)
		if !one.VerifyPiece1(i, blocks) || !two.VerifyPiece2(i, want, blocks) {
			t.Fatalf("piece %d is refused", i)
		}
		if !one.VerifyPiece1(i, [][]byte{piece}) {
			t.Errorf("piece %d is refused in one run", i)
		}
		for name, bad := range map[string][][]byte{
			"nothing": nil, "a block less": blocks[1:], "a block more": append(blocks[:len(blocks):len(blocks)], nil),
			"a byte less": append([][]byte{blocks[0][1:]}, blocks[1:]...),
			"other bytes": append([][]byte{make([]byte, len(blocks[0]))}, blocks[1:]...),
		} {
			if name != "a block more" && one.VerifyPiece1(i, bad) || two.VerifyPiece2(i, want, bad) {
				t.Errorf("piece %d: %s accepted", i, name)
			}
			for _, other := range [][][]byte{blocks, bad} {
				wantBad, wantOther := one.VerifyPiece1(i, bad), one.VerifyPiece1(i, other)
				if a, b := one.VerifyPair1(i, i, bad, other); a != wantBad || b != wantOther {
					t.Errorf("piece %d: %s: %v, with it %v", i, name, a, b)
				}
				if a, b := one.VerifyPair1(i, i, other, bad); a != wantOther || b != wantBad {
					t.Errorf("piece %d: %s second: %v, with it %v", i, name, b, a)
				}
			}
		}
		if two.VerifyPiece2(i, Hash256{}, blocks) {
			t.Errorf("piece %d: accepted under another root", i)
		}
	}
	if _, ok := two.PieceHash2(nil, 0); ok {
		t.Error("a piece hash without layers")
	}
	if _, ok := one.PieceHash2(layers, 0); ok {
		t.Error("a version 2 hash of version 1")
	}
	if got := two.MissingLayers(nil); !reflect.DeepEqual(got, []int{0}) {
		t.Errorf("missing layers %v", got)
	}
	if got := two.MissingLayers(layers); got != nil {
		t.Errorf("missing layers %v", got)
	}
}

func TestCheckLayer(t *testing.T) {
	data := testBytes(3*64<<10+1, 8)
	h := hashesOf(data, 64<<10)
	in, err := BuildV2("f", h.Length, h.PieceLength, h.Root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := in.CheckLayer(h.Root, h.Layer); err != nil {
		t.Error(err)
	}
	padded := append(append([]Hash256{}, h.Layer[:3]...), h.Layer[3], hashing.PadHash(2))
	changed := append([]Hash256{}, h.Layer...)
	changed[2][5] ^= 1
	swapped := append([]Hash256{h.Layer[1], h.Layer[0]}, h.Layer[2:]...)
	for name, bad := range map[string][]Hash256{
		"none": nil, "fewer": h.Layer[:3], "more": padded, "changed": changed, "swapped": swapped,
	} {
		if in.CheckLayer(h.Root, bad) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if in.CheckLayer(Hash256{1}, h.Layer) == nil {
		t.Error("a layer of no file accepted")
	}
	small, err := BuildV2("f", 100, 64<<10, Hash256{1}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if small.CheckLayer(Hash256{1}, []Hash256{{1}}) == nil {
		t.Error("a layer of a file of one piece accepted")
	}
}
