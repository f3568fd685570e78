// Package ignore decides which names are left out, by rules in the form of
// gitignore(5).
//
// It agrees with git on every pattern that its tests try, and takes a bounded
// time for each name, whatever the patterns are. It reads no files. Rules are
// immutable, and so safe for concurrent use.
package ignore

import (
	"bytes"
	"strings"
)

const (
	// MaxSize is how many bytes of rules a file may have.
	MaxSize  = 256 << 10
	maxRules = 4096 // patterns of a file
)

// temporary is what programs call files which they have not finished.
const temporary = ".*\n*~\n*.part\n*.tmp\n*.crdownload\n"

// Temporary returns the rules in force before those of any file: names that
// programs give to files which they have not finished are left out.
func Temporary() *Rules { return Parse([]byte(temporary), "", nil) }

// Rules is the patterns of one ignore file, on top of those of the
// directories above. Immutable.
type Rules struct {
	up    *Rules
	base  string // path of its directory; "" for the share directory
	rules []rule
}

// rule is one pattern. Its segments are globs to be matched against the names
// of a path, "**" standing for any number of names.
type rule struct {
	negate   bool // "!": not ignored after all
	dirOnly  bool // "/" at the end
	anchored bool // the whole path below base must match, not the name alone
	segments []string
}

// Parse reads an ignore file of the directory base.
func Parse(data []byte, base string, up *Rules) *Rules {
	set := &Rules{up: up, base: base}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		r, ok := parse(string(bytes.TrimSuffix(line, []byte("\r"))))
		if ok && len(set.rules) < maxRules {
			set.rules = append(set.rules, r)
		}
	}
	return set
}

// parse reads one line; ok is false for empty ones and comments, and for
// patterns that can match nothing.
func parse(line string) (r rule, ok bool) {
	if strings.HasPrefix(line, "#") {
		return r, false
	}
	line = trimSpaces(line)
	if rest, found := strings.CutPrefix(line, "!"); found {
		r.negate, line = true, rest
	}
	if rest, found := strings.CutSuffix(line, "/"); found {
		r.dirOnly, line = true, rest
	}
	if line == "" {
		return r, false
	}
	r.anchored = strings.Contains(line, "/")
	if !r.anchored {
		r.segments = []string{line}
		return r, true
	}
	r.segments = splitPattern(strings.TrimPrefix(line, "/"))
	return r, true
}

// trimSpaces drops spaces at the end, but for one behind a backslash.
func trimSpaces(s string) string {
	end := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ' ':
			continue
		case '\\':
			i++
		}
		end = i + 1
	}
	return s[:min(end, len(s))]
}

// splitPattern cuts at slashes, but for those inside brackets.
func splitPattern(p string) []string {
	var segments []string
	start := 0
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			if i+1 < len(p) && p[i+1] == '/' { // an escaped slash is a slash
				segments = append(segments, p[start:i])
				start = i + 2
			}
			i++
		case '[':
			if n := bracketLen(p[i:]); n > 0 {
				i += n - 1
			}
		case '/':
			segments = append(segments, p[start:i])
			start = i + 1
		}
	}
	return append(segments, p[start:])
}

// Ignored reports whether the entry called name of the directory dir is left
// out. The last matching rule of the deepest ignore file decides. That the
// directories above are not ignored is the caller's knowledge.
func (s *Rules) Ignored(dir, name string, isDir bool) bool {
	for ; s != nil; s = s.up {
		var below []string // names below base, made when first needed
		for i := len(s.rules) - 1; i >= 0; i-- {
			r := &s.rules[i]
			if r.dirOnly && !isDir {
				continue
			}
			if r.anchored && below == nil {
				below = s.below(dir, name)
			}
			if r.match(below, name) {
				return !r.negate
			}
		}
	}
	return false
}

func (s *Rules) below(dir, name string) []string {
	rel := strings.TrimPrefix(dir[len(s.base):], "/")
	if rel == "" {
		return []string{name}
	}
	return append(strings.Split(rel, "/"), name)
}

func (r *rule) match(below []string, name string) bool {
	if !r.anchored {
		return glob(r.segments[0], name)
	}
	return matchSegments(r.segments, below)
}

// matchSegments matches a pattern with "**" against the names of a path. It
// goes back to the last "**" only, which is enough, so that it takes at most
// len(pattern) * len(names) steps.
func matchSegments(pattern, names []string) bool {
	p, n := 0, 0
	backP, backN := -1, 0
	for n < len(names) {
		switch {
		case p < len(pattern) && isDoubleStar(pattern[p]):
			if p == len(pattern)-1 {
				return true // everything inside
			}
			backP, backN = p, n
			p++
		case p < len(pattern) && glob(pattern[p], names[n]):
			p++
			n++
		case backP >= 0:
			backN++
			p, n = backP+1, backN
		default:
			return false
		}
	}
	return p == len(pattern)
}

func isDoubleStar(s string) bool {
	return len(s) >= 2 && strings.Trim(s, "*") == ""
}
