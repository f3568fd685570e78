package union

import (
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/names"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLongNames(t *testing.T) {
	w := &Who{Name: "änna", Key: catalog.Key{0x3f, 0x2a, 0x91, 0xc0, 0x5e, 0x6d, 0x7c, 0x8b}}
	const suffix = "~änna-3f2a91c05e6d7c8b"
	for _, c := range []struct {
		name string
		kind catalog.Kind
		want string
	}{
		{"talk.mkv", catalog.KindFile, "talk" + suffix + ".mkv"},
		{"a.tar.gz", catalog.KindFile, "a.tar" + suffix + ".gz"},
		{"noext", catalog.KindFile, "noext" + suffix},
		{".bashrc", catalog.KindFile, ".bashrc" + suffix},
		{"dot.", catalog.KindFile, "dot." + suffix},
		{"v1.2", catalog.KindDir, "v1.2" + suffix},
		{"v1.2", catalog.KindSymlink, "v1" + suffix + ".2"},
		{"Mr. Smith", catalog.KindFile, "Mr. Smith" + suffix},
		{"a." + strings.Repeat("e", 40), catalog.KindFile, "a." + strings.Repeat("e", 40) + suffix},
		{strings.Repeat("x", 255), catalog.KindFile, strings.Repeat("x", 255-len(suffix)) + suffix},
		{strings.Repeat("x", 251) + ".mkv", catalog.KindFile, strings.Repeat("x", 251-len(suffix)) + suffix + ".mkv"},
		{"y" + strings.Repeat("ä", 127), catalog.KindFile, "y" + strings.Repeat("ä", (254-len(suffix))/2) + suffix},
	} {
		got := w.LongName(c.name, c.kind)
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.name, got, c.want)
		}
		if len(got) > names.Max || !utf8.ValidString(got) || !looksLong(got) || looksLong(c.name) {
			t.Errorf("%q: %q of %d bytes; looks long: %v", c.name, got, len(got), looksLong(got))
		}
	}
	for _, name := range []string{"~", "a~b", "a~b-123", "a~b-1234567g", "a~b-0123456789abcdeg", "a~" + strings.Repeat("n", 42) + "-0123456789abcdef", "~-0123456", "a~" + strings.Repeat("n", 33) + "-01234567"} {
		if looksLong(name) {
			t.Errorf("%q looks long", name)
		}
	}
	for _, name := range []string{"~-01234567", "a~b-01234567", "a~b-01234567.txt", "a~b~c-d.e-01234567", "a~b-01234567.x-01234567", "~-0123456789abcdef", "a~b-0123456789abcdef.txt"} {
		if !looksLong(name) {
			t.Errorf("%q does not look long", name)
		}
	}
}

// Names so long that their long forms are cut to the same, and members whose
// name and key16 are the same: every copy keeps a name of its own.

func FuzzLongName(f *testing.F) {
	f.Fuzz(func(t *testing.T, name string, kind uint8) {
		if !names.Valid(name) {
			return
		}
		got := (&Who{Name: "anna"}).LongName(name, catalog.Kind(kind%3))
		if !names.Valid(got) || !looksLong(got) {
			t.Errorf("%q: got %q", name, got)
		}
	})
}
