package metainfo

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"p2pfs/swarm/bencode"
)

var raceEnabled bool // set by a build with the race detector

// dict and list make test input readable.
type (
	dict = map[string]any
	list = []any
)

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := bencode.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const testPieceLength = 32 << 10

func pieces(n int) string { return strings.Repeat("01234567890123456789", n) }

func root(n byte) string { return strings.Repeat(string(rune('A'+n)), 32) }

// leafOf describes a file of a file tree.
func leafOf(length int, n byte) dict {
	d := dict{"length": length}
	if length > 0 {
		d["pieces root"] = root(n)
	}
	return dict{"": d}
}

// with returns a copy of d with keys changed; a nil value deletes.
func with(d dict, pairs ...any) dict {
	out := dict{}
	for k, v := range d {
		out[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(out, pairs[i].(string))
		} else {
			out[pairs[i].(string)] = pairs[i+1]
		}
	}
	return out
}

func entry[N int | int64](length N, path ...any) dict {
	return dict{"length": length, "path": list(path)}
}

func padding(length int) dict {
	return dict{"attr": "p", "length": length, "path": list{".pad", fmt.Sprint(length)}}
}

var (
	single1 = dict{"name": "f", "piece length": testPieceLength, "pieces": pieces(2), "length": 40_000}
	multi1  = dict{"name": "d", "piece length": testPieceLength, "pieces": pieces(2), "files": list{
		entry(40_000, "a"), entry(0, "b", "empty"), entry(10_000, "b", "c"),
	}}
	single2 = dict{"name": "f", "piece length": testPieceLength, "meta version": 2,
		"file tree": dict{"f": leafOf(40_000, 0)}}
	multi2 = dict{"name": "d", "piece length": testPieceLength, "meta version": 2, "file tree": dict{
		"a": leafOf(40_000, 0), "b": dict{"c": leafOf(10_000, 1), "empty": leafOf(0, 0)}}}
	hybrid1 = with(single2, "pieces", pieces(2), "length", 40_000)
	hybrid  = with(multi2, "pieces", pieces(3), "files", list{
		entry(40_000, "a"), padding(2*testPieceLength - 40_000), entry(10_000, "b", "c"), entry(0, "b", "empty"),
	})
)

func TestParseInfo(t *testing.T) {
	for _, c := range []struct {
		name   string
		in     dict
		v1, v2 bool
		single bool
		files  string // path:length@offset, pad files as .pad
		pieces int
		length int64
	}{
		{"v1", single1, true, false, true, "f:40000@0", 2, 40_000},
		{"v1 multi", multi1, true, false, false, "a:40000@0 b/empty:0@40000 b/c:10000@40000", 2, 50_000},
		{"v2", single2, false, true, true, "f:40000@0", 2, 40_000},
		{"v2 multi", multi2, false, true, false, "a:40000@0 b/c:10000@65536 b/empty:0@75536", 3, 50_000},
		{"hybrid single", hybrid1, true, true, true, "f:40000@0", 2, 40_000},
		{"hybrid", hybrid, true, true, false, "a:40000@0 .pad:25536@40000 b/c:10000@65536 b/empty:0@75536", 3, 50_000},
		{"v1 empty", with(single1, "length", 0, "pieces", ""), true, false, true, "f:0@0", 0, 0},
		{"v2 empty", with(single2, "file tree", dict{"f": leafOf(0, 0)}), false, true, true, "f:0@0", 0, 0},
		{"v2 other name", with(single2, "name", "x"), false, true, true, "f:40000@0", 2, 40_000},
		{"v2 one in a directory", with(multi2, "file tree", dict{"b": dict{"c": leafOf(1, 1)}}), false, true, false, "b/c:1@0", 1, 1},
	} {
		in, err := ParseInfo(encode(t, c.in))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var files []string
		for _, f := range in.Files {
			p := strings.Join(f.Path, "/")
			if f.Pad {
				p += ".pad"
			}
			files = append(files, fmt.Sprintf("%s:%d@%d", p, f.Length, f.Offset))
		}
		got := fmt.Sprint(in.V1, in.V2, in.Single, strings.Join(files, " "), in.Pieces.Count(), in.Length())
		if want := fmt.Sprint(c.v1, c.v2, c.single, c.files, c.pieces, c.length); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, want)
		}
		if in.HashV1.IsZero() == in.V1 || in.HashV2.IsZero() == in.V2 {
			t.Errorf("%s: infohashes %v, %v", c.name, in.HashV1, in.HashV2)
		}
		if got, want := len(in.InfoHashes()), map[bool]int{false: 1, true: 2}[c.v1 && c.v2]; got != want {
			t.Errorf("%s: %d infohashes, want %d", c.name, got, want)
		}
		if in.Single && in.Name != in.Files[0].Path[0] {
			t.Errorf("%s: name %q", c.name, in.Name)
		}
	}
}

func TestBuild(t *testing.T) {
	in, err := BuildV1("f", 40_000, testPieceLength, make([]Hash, 2), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("d6:lengthi40000e4:name1:f12:piece lengthi32768e6:pieces40:%se", make([]byte, 40))
	if string(in.Raw) != want {
		t.Errorf("got %q, want %q", in.Raw, want)
	}
	in, err = BuildV2("f", 40_000, testPieceLength, Hash256([]byte(root(0))), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want = "d9:file treed1:fd0:d6:lengthi40000e11:pieces root32:" + root(0) +
		"eee12:meta versioni2e4:name1:f12:piece lengthi32768ee"
	if string(in.Raw) != want {
		t.Errorf("got %q, want %q", in.Raw, want)
	}
	in, err = BuildV2("f", 40_000, testPieceLength, Hash256([]byte(root(0))), Options{Private: true, Source: "s"})
	if err != nil || !in.Private || in.Source != "s" {
		t.Errorf("got %+v, %v", in, err)
	}
	for _, f := range []func() (*Info, error){
		func() (*Info, error) { return BuildV1("f", 40_000, testPieceLength, make([]Hash, 3), Options{}) },
		func() (*Info, error) { return BuildV1("a/b", 40_000, testPieceLength, make([]Hash, 2), Options{}) },
		func() (*Info, error) { return BuildV2("..", 1, testPieceLength, Hash256{1}, Options{}) },
		func() (*Info, error) { return BuildV2("f", 0, testPieceLength, Hash256{1}, Options{}) },
		func() (*Info, error) { return BuildV2("f", 1, testPieceLength, Hash256{}, Options{}) },
		func() (*Info, error) { return BuildV2("f", 1, 1000, Hash256{1}, Options{}) },
	} {
		if in, err := f(); !errors.Is(err, ErrInfo) {
			t.Errorf("got %+v, %v, want ErrInfo", in, err)
		}
	}
}

func TestPieceLength(t *testing.T) {
	for size, want := range map[int64]int64{
		0: 64 << 10, 1: 64 << 10, 64 << 20: 64 << 10, 64<<20 + 1: 256 << 10, 512 << 20: 256 << 10,
		512<<20 + 1: 1 << 20, 4 << 30: 1 << 20, 4<<30 + 1: 4 << 20, 2 << 40: 4 << 20, 2<<40 + 1: 16 << 20,
	} {
		if got := PieceLength(size); got != want {
			t.Errorf("PieceLength(%d): got %d, want %d", size, got, want)
		}
	}
}
