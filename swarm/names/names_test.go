package names

import (
	"path"
	"strings"
	"testing"
)

func TestValid(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "...": true, "..a": true, ".a": true, "a b\t\n": true, "ä": true, "\u202e": true, strings.Repeat("x", Max): true,
		"": false, ".": false, "..": false, "a/b": false, "/": false, "a\x00": false, "\xff": false, strings.Repeat("x", Max+1): false,
	} {
		if got := Valid(name); got != want {
			t.Errorf("Valid(%q) = %v, want %v", name, got, want)
		}
	}
	long := strings.Repeat("x", Max)
	if n := testing.AllocsPerRun(100, func() { Valid(long) }); n > 0 {
		t.Errorf("Valid allocates %v times", n)
	}
}

func TestInside(t *testing.T) {
	for _, c := range []struct {
		depth  int
		target string
		want   bool
	}{
		{0, "a", true},
		{0, "a/b/", true},
		{0, "./a", true},
		{0, ".", true},
		{0, "..", false},
		{0, "../a", false},
		{1, "..", true},
		{1, "../a", true},
		{1, "../../a", false},
		{1, ".././/../a", false},
		{2, "../../a", true},
		{2, "../../../a", false},
		{1, "a/..", false}, // a may be a link to anywhere inside
		{1, "a/../../b", false},
		{1, "/etc/passwd", false},
		{1, "//x", false},
		{1, "", false},
		{1, "a\x00b", false},
		{1, strings.Repeat("a/", 3000), false},
		{1, "...", true},
		{1, "..a", true},
	} {
		if got := Inside(c.target, c.depth); got != c.want {
			t.Errorf("Inside(%q, %d) = %v, want %v", c.target, c.depth, got, c.want)
		}
	}
}

// FuzzInside walks a target through real directories: it must not go above the
// root at any step.
func FuzzInside(f *testing.F) {
	f.Add(2, "../../a")
	f.Add(1, "a/../../b")
	f.Add(0, "./..//x/")
	f.Fuzz(func(t *testing.T, depth int, target string) {
		depth = min(max(depth, 0), MaxDepth)
		if !Inside(target, depth) {
			return
		}
		at := depth
		for name := range strings.SplitSeq(target, "/") {
			switch name {
			case "", ".":
			case "..":
				at--
			default:
				at++
			}
			if at < 0 {
				t.Fatalf("%q at depth %d leaves", target, depth)
			}
		}
		if path.IsAbs(target) || target == "" {
			t.Fatalf("%q was let through", target)
		}
	})
}
