package share

import (
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
		if got := staysInside(c.dir, c.target); got != c.want {
			t.Errorf("staysInside(%q, %q) = %v, want %v", c.dir, c.target, got, c.want)
		}
	}
}
