package tree

import (
	"path"
	"strings"
	"unicode/utf8"
)

const maxTarget = 4095 // bytes, as the kernel has it

// StaysInside reports whether a link in the directory dir stays inside the
// share directory, for whoever follows it, in a copy of the tree as well. A
// ".." behind a name does not count: the name may be a link itself, and what
// is above its target is nobody's guess.
func StaysInside(dir, target string) bool {
	if target == "" || len(target) > maxTarget || !utf8.ValidString(target) ||
		strings.HasPrefix(target, "/") || strings.Contains(target, "\x00") {
		return false
	}
	down := false
	for name := range strings.SplitSeq(target, "/") {
		switch name {
		case "", ".":
		case "..":
			if down {
				return false
			}
		default:
			down = true
		}
	}
	p := path.Join(dir, target) // cleans lexically, which is exact here
	return p != ".." && !strings.HasPrefix(p, "../")
}
