// Package names has the rule for names of files, and for targets of symlinks,
// that strangers send or that are published to them. It looks at bytes alone,
// never at a filesystem. What passes is one name on any Unix, and stays inside
// the tree that it is in; control and bidirectional characters may be in it:
// whoever shows a name cleans it. All functions are safe for concurrent use.
package names

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of what passes.
const (
	Max      = 255  // bytes of a name
	MaxDepth = 64   // names in a path
	MaxPath  = 4095 // bytes of a path with its slashes, and of a target (PATH_MAX without its NUL)
)

// Check returns nil if name can stand as one component of a path: 1 to Max
// bytes of UTF-8 without '/' and NUL, and neither "." nor "..".
func Check(name []byte) error {
	switch {
	case len(name) == 0:
		return errors.New("empty name")
	case len(name) > Max:
		return fmt.Errorf("name of %d bytes", len(name))
	case name[0] == '.' && (len(name) == 1 || len(name) == 2 && name[1] == '.'):
		return fmt.Errorf("name %q", string(name))
	case slices.Contains(name, '/') || slices.Contains(name, 0):
		return fmt.Errorf("name %q has a slash or NUL", string(name))
	case !utf8.Valid(name):
		return fmt.Errorf("name %q is not UTF-8", string(name))
	}
	return nil
}

// Valid reports whether Check passes name.
func Valid(name string) bool { return Check([]byte(name)) == nil }

// ValidTarget reports whether s can be a symlink's target at all.
func ValidTarget(s string) bool {
	return len(s) >= 1 && len(s) <= MaxPath && strings.IndexByte(s, 0) < 0
}

// Inside reports whether a symlink in a directory of the given depth (0 is the
// root) stays in the tree whatever else is in it, and in a copy of the tree as
// well: it is relative, does not climb above the root, and has no ".." behind
// a name, for that name may be a symlink to somewhere shallower.
func Inside(target string, depth int) bool {
	if !ValidTarget(target) || target[0] == '/' {
		return false
	}
	down := false
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; down || depth < 0 {
				return false
			}
		default:
			down = true
		}
	}
	return true
}
