package metainfo

import (
	"errors"
	"math"
	"strings"
	"testing"

	"p2pfs/swarm/bencode"
)

func repeat(v any, n int) list {
	l := make(list, n)
	for i := range l {
		l[i] = v
	}
	return l
}

// tree wraps v into directories.
func tree(v any, depth int) dict {
	for range depth {
		v = dict{"d": v}
	}
	return v.(dict)
}

// files1 is a version 1 torrent of a list of files.
func files1(n int, entries ...any) dict {
	return with(multi1, "files", list(entries), "pieces", pieces(n))
}

func tree2(t dict) dict { return with(multi2, "file tree", t) }

// file2 is a version 2 torrent of one file with keys changed.
func file2(pairs ...any) dict {
	return tree2(dict{"f": dict{"": with(leafOf(40_000, 0)[""].(dict), pairs...)}, "g": leafOf(1, 1)})
}

// hybridOf is a hybrid of three files with its list changed.
func hybridOf(entries ...any) dict { return with(hybrid, "files", list(entries)) }

const hybridGap = 2*testPieceLength - 40_000

var refused = []struct {
	name string
	in   any
}{
	{"a list", list{}}, {"an integer", 1}, {"a string", "x"}, {"empty", dict{}},
	{"no name", with(single1, "name", nil)}, {"no piece length", with(single1, "piece length", nil)},
	{"no pieces", with(single1, "pieces", nil)}, {"no length", with(single1, "length", nil)},
	{"name is an integer", with(single1, "name", 1)}, {"pieces are a list", with(single1, "pieces", list{})},
	{"piece length is a string", with(single1, "piece length", "x")}, {"files is a dictionary", files1(2)}, {"files are strings", files1(2, "x")},
	{"files is a string", with(multi1, "files", "x")}, {"file tree is a list", with(multi2, "file tree", list{})},
	{"private is a string", with(single1, "private", "1")},

	{"name ..", with(single1, "name", "..")}, {"name .", with(single1, "name", ".")}, {"name empty", with(single1, "name", "")},
	{"name with slash", with(single1, "name", "a/b")}, {"name absolute", with(single1, "name", "/etc")}, {"name with NUL", with(single1, "name", "a\x00")},
	{"name of 256", with(single1, "name", strings.Repeat("x", 256))}, {"name not UTF-8", with(single1, "name", "\xff\xfe")},
	{"name half a surrogate", with(single1, "name", "\xed\xa0\x80")}, {"name overlong dot", with(single1, "name", "\xc0\xae")},
	{"name.utf-8 ..", with(single1, "name.utf-8", "..")}, {"name of a directory ..", with(multi2, "name", "..")},

	{"length negative", with(single1, "length", -1)}, {"length minimum", with(single1, "length", int64(math.MinInt64))},
	{"length maximum", with(single1, "length", int64(math.MaxInt64))}, {"length one piece more", with(single1, "length", 2*testPieceLength+1)},
	{"length one piece less", with(single1, "length", testPieceLength)}, {"length 0 with pieces", with(single1, "length", 0)},
	{"piece length 0", with(single1, "piece length", 0)}, {"piece length negative", with(single1, "piece length", -testPieceLength)},
	{"piece length 64 MiB and 1", with(single1, "piece length", 64<<20+1, "pieces", pieces(1))},
	{"piece length 2^31", with(single1, "piece length", int64(1<<31), "pieces", pieces(1))}, {"piece length 2^62", with(single1, "piece length", int64(1<<62), "pieces", pieces(1))},
	{"pieces odd", with(single1, "pieces", pieces(2)+"x")}, {"pieces empty", with(single1, "pieces", "")},
	{"2^20 pieces and 1", with(single1, "piece length", 1, "length", 1<<20+1, "pieces", pieces(1<<19))},
	{"files and length", with(multi1, "length", 1)}, {"the only file is padding", with(single1, "attr", "p")}, {"the only file is a link", with(single1, "attr", "l")},

	{"no files", files1(0)}, {"nothing but padding", files1(1, padding(5))},
	{"path ..", files1(1, entry(1, ".."))}, {"path a/..", files1(1, entry(1, "a", ".."))}, {"path ../a", files1(1, entry(1, "..", "a"))},
	{"path .", files1(1, entry(1, "."))}, {"path with slash", files1(1, entry(1, "a/b"))}, {"path absolute", files1(1, entry(1, "/", "etc"))},
	{"path with NUL", files1(1, entry(1, "a\x00b"))}, {"path empty", files1(1, entry(1))}, {"path with empty name", files1(1, entry(1, "a", ""))},
	{"path of integers", files1(1, entry(1, 1))}, {"path a string", files1(1, dict{"length": 1, "path": "a"})}, {"no path", files1(1, dict{"length": 1})},
	{"no length in list", files1(1, dict{"path": list{"a"}})}, {"path not UTF-8", files1(1, entry(1, "\xff"))},
	{"path.utf-8 ..", files1(1, with(entry(1, "a"), "path.utf-8", list{".."}))}, {"path.utf-8 empty", files1(1, with(entry(1, "a"), "path.utf-8", list{}))},
	{"path name of 256", files1(1, entry(1, strings.Repeat("x", 256)))}, {"path 65 deep", files1(1, entry(1, repeat("x", 65)...))},
	{"path 5000 deep", files1(1, entry(1, repeat("x", 5000)...))}, {"path of 4097", files1(1, entry(1, append(repeat(strings.Repeat("x", 255), 16), "x")...))},
	{"length in list negative", files1(1, entry(-1, "a"))}, {"lengths cancel", files1(1, entry(2, "a"), entry(-1, "b"))},
	{"sum beyond 2^63", files1(1, entry(int64(math.MaxInt64), "a"), entry(int64(math.MaxInt64), "b"), entry(3, "c"))},
	{"sum wraps to 2^64", files1(1, entry(int64(1<<62), "a"), entry(int64(1<<62), "b"), entry(int64(1<<62), "c"), entry(int64(1<<62), "d"), entry(1, "e"))},
	{"sum beyond all pieces", files1(1, entry(int64(testPieceLength<<20), "a"), entry(1, "b"))},
	{"twice the same", files1(1, entry(1, "a"), entry(1, "a"))}, {"twice in a directory", files1(1, entry(1, "d", "a"), entry(1, "b"), entry(0, "d", "a"))},
	{"file and directory", files1(1, entry(1, "a"), entry(1, "a", "b"))}, {"directory and file", files1(1, entry(1, "a", "b", "c"), entry(1, "z"), entry(1, "a", "b"))},
	{"file and directory apart", files1(1, entry(1, "a", "b"), entry(1, "a.b"), entry(1, "a"))},
	{"a link that is a directory", files1(1, link("a", "t"), entry(1, "a", "b"))},

	{"link to ..", files1(1, entry(1, "a"), link("l", ".."))}, {"link to ../..", files1(1, entry(1, "a"), link("l", "..", ".."))},
	{"link to a/..", files1(1, entry(1, "a"), link("l", "a", ".."))}, {"link absolute", files1(1, entry(1, "a"), link("l", "/etc/passwd"))},
	{"link to root", files1(1, entry(1, "a"), link("l", "", "etc"))}, {"link to nothing", files1(1, entry(1, "a"), link("l"))},
	{"link without target", files1(1, entry(1, "a"), with(link("l", "a"), "symlink path", nil))}, {"link target a string", files1(1, entry(1, "a"), with(link("l", "a"), "symlink path", "a"))},
	{"link with a length", files1(1, entry(1, "a"), with(link("l", "a"), "length", 1))}, {"link that is padding", files1(1, entry(1, "a"), with(link("l", "a"), "attr", "lp"))},

	{"meta version 1", with(multi2, "meta version", 1)}, {"meta version 3", with(multi2, "meta version", 3)}, {"meta version 0", with(single1, "meta version", 0)},
	{"meta version alone", with(single1, "meta version", 2)}, {"file tree alone", with(single1, "file tree", dict{"f": leafOf(40_000, 0)})},
	{"meta version a string", with(multi2, "meta version", "2")}, {"no file tree", with(multi2, "file tree", nil)},
	{"v2 piece length 8 KiB", with(multi2, "piece length", 8<<10)}, {"v2 piece length 48 KiB", with(multi2, "piece length", 48<<10)},
	{"v2 piece length 128 MiB", with(multi2, "piece length", 128<<20)}, {"v2 with pieces only", with(multi2, "pieces", pieces(3))}, {"v2 with length only", with(single2, "length", 40_000)},
	{"tree empty", tree2(dict{})}, {"tree of empty directories", tree2(dict{"a": dict{"b": dict{}}})}, {"tree is a file", tree2(leafOf(1, 1))},
	{"tree name ..", tree2(dict{"..": leafOf(1, 1)})}, {"tree name .", tree2(dict{"a": dict{".": leafOf(1, 1)}})}, {"tree name with slash", tree2(dict{"a/b": leafOf(1, 1)})},
	{"tree name with NUL", tree2(dict{"a\x00": leafOf(1, 1)})}, {"tree name not UTF-8", tree2(dict{"\xc3": leafOf(1, 1)})}, {"tree name of 256", tree2(dict{strings.Repeat("x", 256): leafOf(1, 1)})},
	{"tree directory ..", tree2(dict{"..": dict{"a": leafOf(1, 1)}})}, {"tree 65 deep", tree2(tree(leafOf(1, 1), 65))},
	{"tree file and directory", tree2(dict{"a": dict{"": dict{"length": 0}, "b": leafOf(1, 1)}})}, {"tree file and file", tree2(dict{"a": dict{"": dict{"length": 0}, "b": leafOf(0, 1)}})},
	{"tree value an integer", tree2(dict{"a": 1})}, {"tree value a list", tree2(dict{"a": list{}})}, {"description a list", tree2(dict{"a": dict{"": list{}}})},
	{"no length in tree", file2("length", nil)}, {"negative in tree", file2("length", -1)}, {"string in tree", file2("length", "1")}, {"2^62 in tree", file2("length", int64(1<<62))},
	{"maximum in tree", file2("length", int64(math.MaxInt64))}, {"beyond all pieces in tree", file2("length", int64(testPieceLength<<20))},
	{"no root", file2("pieces root", nil)}, {"root of zeros", file2("pieces root", strings.Repeat("\x00", 32))}, {"root of 31", file2("pieces root", root(0)[1:])},
	{"root of 33", file2("pieces root", root(0)+"x")}, {"root an integer", file2("pieces root", 1)}, {"root of an empty file", file2("length", 0)},
	{"padding in tree", file2("attr", "p")}, {"tree link with a length", file2("attr", "l", "symlink path", list{"g"})},
	{"tree link without target", file2("attr", "l", "length", 0, "pieces root", nil)}, {"tree link to ..", file2("attr", "l", "length", nil, "pieces root", nil, "symlink path", list{".."})},
	{"tree link absolute", file2("attr", "l", "length", nil, "pieces root", nil, "symlink path", list{"/etc"})}, {"tree link to nothing", file2("attr", "l", "length", nil, "pieces root", nil, "symlink path", list{})},
	{"the only file of a tree is a link", tree2(dict{"l": dict{"": dict{"attr": "l", "symlink path": list{"x"}}}})},
	{"one root, two lengths", tree2(dict{"a": leafOf(40_000, 0), "b": leafOf(50_000, 0)})},

	{"hybrid length", with(hybrid1, "length", 40_001)}, {"hybrid name", with(hybrid1, "name", "g")}, {"hybrid single of two", with(hybrid, "files", nil, "length", 50_000, "pieces", pieces(2))},
	{"hybrid list for single", with(hybrid1, "length", nil, "files", list{entry(40_000, "g")})},
	{"hybrid pieces", with(hybrid, "pieces", pieces(2))}, {"hybrid pieces too many", with(hybrid, "pieces", pieces(4))},
	{"hybrid no pad", hybridOf(entry(40_000, "a"), entry(10_000, "b", "c"), entry(0, "b", "empty"))},
	{"hybrid pad short", hybridOf(entry(40_000, "a"), padding(hybridGap-1), entry(10_000, "b", "c"), entry(0, "b", "empty"))},
	{"hybrid pad long", hybridOf(entry(40_000, "a"), padding(hybridGap+1), entry(10_000, "b", "c"), entry(0, "b", "empty"))},
	{"hybrid pad a piece more", hybridOf(entry(40_000, "a"), padding(hybridGap+testPieceLength), entry(10_000, "b", "c"), entry(0, "b", "empty"))},
	{"hybrid pad twice", hybridOf(entry(40_000, "a"), padding(hybridGap), padding(0), entry(10_000, "b", "c"), entry(0, "b", "empty"))},
	{"hybrid pad first", hybridOf(padding(testPieceLength), entry(40_000, "a"), padding(hybridGap), entry(10_000, "b", "c"), entry(0, "b", "empty"))},
	{"hybrid order", hybridOf(entry(40_000, "a"), padding(hybridGap), entry(0, "b", "empty"), entry(10_000, "b", "c"))},
	{"hybrid path", hybridOf(entry(40_000, "x"), padding(hybridGap), entry(10_000, "b", "c"), entry(0, "b", "empty"))},
	{"hybrid path shorter", hybridOf(entry(40_000, "a"), padding(hybridGap), entry(10_000, "b"), entry(0, "b", "empty"))},
	{"hybrid path longer", hybridOf(entry(40_000, "a"), padding(hybridGap), entry(10_000, "b", "c", "d"), entry(0, "b", "empty"))},
	{"hybrid lengths", hybridOf(entry(40_001, "a"), padding(hybridGap-1), entry(10_000, "b", "c"), entry(0, "b", "empty"))},
	{"hybrid fewer", hybridOf(entry(40_000, "a"), padding(hybridGap), entry(10_000, "b", "c"))},
	{"hybrid more", hybridOf(entry(40_000, "a"), padding(hybridGap), entry(10_000, "b", "c"), entry(0, "b", "empty"), entry(0, "z"))},
	{"hybrid link", hybridOf(entry(40_000, "a"), padding(hybridGap), entry(10_000, "b", "c"), with(entry(0, "b", "empty"), "attr", "l", "symlink path", list{"a"}))},
	{"hybrid pad a link", hybridOf(entry(40_000, "a"), with(padding(hybridGap), "attr", "pl"), entry(10_000, "b", "c"), entry(0, "b", "empty"))},
}

// link is a symlink in a version 1 list.
func link(name string, target ...any) dict {
	return dict{"attr": "l", "length": 0, "path": list{name}, "symlink path": list(target)}
}

func TestRefused(t *testing.T) {
	for _, c := range refused {
		if _, err := ParseInfo(encode(t, c.in)); !errors.Is(err, ErrInfo) && !isTypeError(err) {
			t.Errorf("%s: accepted or refused for another reason (%v)", c.name, err)
		}
	}
	if _, err := ParseInfo([]byte("d4:name1:a4:name1:be")); !errors.Is(err, bencode.ErrDuplicate) {
		t.Errorf("repeated key: got %v", err)
	}
}

func isTypeError(err error) bool {
	var e *bencode.TypeError
	return errors.As(err, &e)
}

// TestAccepted has what is odd and still allowed.
func TestAccepted(t *testing.T) {
	for _, c := range []struct {
		name string
		in   dict
	}{
		{"name of 255", with(single1, "name", strings.Repeat("x", 255))},
		{"name with controls", with(single1, "name", "a\x01\u202e\n\\")},
		{"name with dots", with(single1, "name", "...")},
		{"name.utf-8 in place of another", with(single1, "name", "\xff", "name.utf-8", "ü")},
		{"unknown keys", with(single1, "x", list{1, dict{"y": "z"}}, "source", 5)},
		{"piece length 1", with(single1, "piece length", 1, "length", 3, "pieces", pieces(3))},
		{"piece length odd", with(single1, "piece length", 33_333)},
		{"piece length 64 MiB", with(single1, "piece length", 64<<20, "pieces", pieces(1))},
		{"2^19 pieces", with(single1, "piece length", 1, "length", 1<<19, "pieces", pieces(1<<19))},
		{"case differs", files1(1, entry(1, "a"), entry(1, "A"))},
		{"prefixes", files1(1, entry(1, "a"), entry(1, "ab"), entry(1, "a b", "a"), entry(1, "a.", "a"))},
		{"64 deep", files1(1, entry(1, repeat("x", 64)...))},
		{"path of 4095", files1(1, entry(1, append(repeat(strings.Repeat("x", 255), 15), strings.Repeat("x", 255))...))},
		{"a link without length", files1(1, entry(1, "a"), with(link("l", "a"), "length", nil))},
		{"a link to nowhere", files1(1, entry(1, "a"), link("l", "b", "c"))},
		{"padding without path", files1(1, entry(1, "a"), with(padding(5), "path", nil), entry(1, "b"), padding(7), padding(7))},
		{"padding with a bad path", files1(1, entry(1, "a"), dict{"length": 1, "attr": "p", "path": list{"..", "/"}})},
		{"padding longer than a piece", files1(4, entry(1, "a"), padding(3*testPieceLength), entry(1, "b"))},
		{"path.utf-8", files1(1, with(entry(1, "\xff"), "path.utf-8", list{"ü"}))},
		{"64 deep in a tree", tree2(tree(leafOf(1, 1), 64))},
		{"empty directories in a tree", tree2(dict{"a": leafOf(1, 1), "b": dict{"c": dict{}}})},
		{"equal files", tree2(dict{"a": leafOf(40_000, 0), "b": leafOf(40_000, 0)})},
		{"one root for one block and more", tree2(dict{"a": leafOf(64, 0), "b": leafOf(40_000, 0)})},
		{"link in a tree", tree2(dict{"a": leafOf(1, 1), "l": dict{"": dict{"attr": "xl", "symlink path": list{"a"}}}})},
		{"hybrid with a pad at the end", hybridOf(entry(40_000, "a"), padding(hybridGap), entry(10_000, "b", "c"),
			padding(testPieceLength-10_000), entry(0, "b", "empty"))},
		{"hybrid list of one", with(hybrid1, "length", nil, "files", list{entry(40_000, "f")})},
		{"hybrid exec in one half", hybridOf(with(entry(40_000, "a"), "attr", "x"), padding(hybridGap), entry(10_000, "b", "c"), entry(0, "b", "empty"))},
	} {
		if _, err := ParseInfo(encode(t, c.in)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestTruncated cuts info dictionaries everywhere, and changes each byte.
func TestTruncated(t *testing.T) {
	for i, d := range []dict{single1, multi1, single2, multi2, hybrid1, hybrid} {
		raw := encode(t, d)
		for n := range raw {
			if in, err := ParseInfo(raw[:n]); err == nil {
				t.Errorf("%d: %d of %d bytes accepted: %v", i, n, len(raw), in)
			}
			changed := append([]byte(nil), raw...)
			for _, b := range []byte{0, '0', '9', 'e', 'd', 'l', 'i', '-', ':', 0xff, raw[n] + 1} {
				changed[n] = b
				ParseInfo(changed)
			}
		}
	}
}
