package catalog

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on names, in bytes and in components.
const (
	MaxName       = 255  // a file's or directory's name
	MaxMemberName = 32   // a member's display name
	MaxTarget     = 4095 // a symlink's target (PATH_MAX without its NUL)
	MaxDepth      = 64   // components of a path
)

// Reasons for which names are refused.
var (
	ErrName       = errors.New("not a valid file name")
	ErrMemberName = errors.New("member name must have 1 to 32 bytes of UTF-8, no '/', '~' or control characters")
)

// ValidName reports whether s may name a file or directory: 1 to MaxName bytes
// of UTF-8 without '/' and NUL, and neither "." nor "..".
func ValidName(s string) bool {
	return len(s) >= 1 && len(s) <= MaxName && s != "." && s != ".." &&
		strings.IndexByte(s, '/') < 0 && strings.IndexByte(s, 0) < 0 && utf8.ValidString(s)
}

// CheckMemberName returns ErrMemberName if s may not be a member's display
// name.
func CheckMemberName(s string) error {
	if len(s) == 0 || len(s) > MaxMemberName || !utf8.ValidString(s) {
		return ErrMemberName
	}
	for _, r := range s {
		if r == '/' || r == '~' || unicode.IsControl(r) {
			return ErrMemberName
		}
	}
	return nil
}

// validTarget reports whether s can be a symlink's target at all.
func validTarget(s string) bool {
	return len(s) >= 1 && len(s) <= MaxTarget && strings.IndexByte(s, 0) < 0
}

// inside reports whether a symlink in a directory of the given depth (0 is the
// root) stays in the tree whatever else is in it: it is relative, does not
// climb above the root, and has no ".." behind a name, for that name may be a
// symlink to somewhere shallower.
func inside(target string, depth int) bool {
	if !validTarget(target) || target[0] == '/' {
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
