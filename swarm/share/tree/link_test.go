package tree

import (
	"path"
	"strings"
	"testing"
)

func TestStaysInside(t *testing.T) {
	for _, c := range []struct {
		dir, target string
		want        bool
	}{
		{"", "a", true},
		{"", "a/b/", true},
		{"", "./a", true},
		{"", ".", true},
		{"", "..", false},
		{"", "../a", false},
		{"d", "..", true},
		{"d", "../a", true},
		{"d", "../../a", false},
		{"d", ".././/../a", false},
		{"d/e", "../../a", true},
		{"d/e", "../../../a", false},
		{"d", "a/..", false}, // a may be a link to anywhere inside
		{"d", "a/../../b", false},
		{"d", "/etc/passwd", false},
		{"d", "//x", false},
		{"d", "", false},
		{"d", "a\xff", false},
		{"d", "a\x00b", false},
		{"d", strings.Repeat("a/", 3000), false},
		{"d", "...", true},
		{"d", "..a", true},
	} {
		if got := StaysInside(c.dir, c.target); got != c.want {
			t.Errorf("StaysInside(%q, %q) = %v, want %v", c.dir, c.target, got, c.want)
		}
	}
}

// FuzzStaysInside walks a target through real directories: it must not go
// above the share directory at any step.
func FuzzStaysInside(f *testing.F) {
	f.Add("d/e", "../../a")
	f.Add("d", "a/../../b")
	f.Add("", "./..//x/")
	f.Fuzz(func(t *testing.T, dir, target string) {
		dir = strings.Trim(path.Clean("/"+dir), "/")
		if !StaysInside(dir, target) {
			return
		}
		depth := 0
		if dir != "" {
			depth = 1 + strings.Count(dir, "/")
		}
		for name := range strings.SplitSeq(target, "/") {
			switch name {
			case "", ".":
			case "..":
				depth--
			default:
				depth++
			}
			if depth < 0 {
				t.Fatalf("%q in %q leaves", target, dir)
			}
		}
		if path.IsAbs(target) || target == "" {
			t.Fatalf("%q was let through", target)
		}
	})
}
