package ignore

import "strings"

// glob matches one name against one pattern as git does: bytes, not runes; "*"
// any run, "?" any one, brackets with ranges and classes, a backslash takes
// the next byte as it is. A pattern that is not well-formed matches nothing.
// It takes at most len(p) * len(s) steps.
func glob(p, s string) bool {
	i, j := 0, 0
	backP, backS := -1, 0
	for j < len(s) {
		if i < len(p) && p[i] == '*' {
			i++
			backP, backS = i, j
			continue
		}
		if n, ok := matchOne(p[i:], s[j]); ok {
			i += n
			j++
			continue
		}
		if backP < 0 {
			return false
		}
		backS++
		i, j = backP, backS
	}
	return strings.Trim(p[i:], "*") == ""
}

// matchOne matches the byte c against the first element of p, and tells how
// long that element is.
func matchOne(p string, c byte) (n int, ok bool) {
	if p == "" {
		return 0, false
	}
	switch p[0] {
	case '?':
		return 1, true
	case '[':
		n = bracketLen(p)
		return n, n > 0 && matchBracket(p[1:n-1], c)
	case '\\':
		return 2, len(p) > 1 && p[1] == c
	}
	return 1, p[0] == c
}

// bracketLen returns the length of the bracket expression that p begins with,
// 0 if it does not end.
func bracketLen(p string) int {
	i := 1
	if i < len(p) && (p[i] == '!' || p[i] == '^') {
		i++
	}
	for first := true; i < len(p); first = false {
		switch {
		case p[i] == ']' && !first:
			return i + 1
		case p[i] == '\\':
			i += 2
		case strings.HasPrefix(p[i:], "[:"):
			i += classLen(p[i:])
		default:
			i++
		}
	}
	return 0
}

// classLen returns the length of "[:name:]" at the head of p, 1 if p holds a
// plain bracket instead.
func classLen(p string) int {
	end := strings.IndexByte(p[2:], ']')
	if end < 1 || p[2+end-1] != ':' {
		return 1
	}
	return 2 + end + 1
}

// matchBracket matches c against what stands between the brackets.
func matchBracket(set string, c byte) bool {
	negate := set[0] == '!' || set[0] == '^'
	if negate {
		set = set[1:]
	}
	found := false
	for set != "" {
		if strings.HasPrefix(set, "[:") {
			if n := classLen(set); n > 1 {
				in, known := inClass(set[2:n-2], c)
				if !known {
					return false
				}
				found = found || in
				set = set[n:]
				continue
			}
		}
		var lo, hi byte
		lo, set = bracketByte(set)
		hi = lo
		if len(set) > 1 && set[0] == '-' {
			hi, set = bracketByte(set[1:])
		}
		found = found || lo <= c && c <= hi
	}
	return found != negate
}

// bracketByte takes one byte, perhaps escaped, off the head of set.
func bracketByte(set string) (byte, string) {
	if set[0] == '\\' && len(set) > 1 {
		return set[1], set[2:]
	}
	return set[0], set[1:]
}

// inClass reports whether c is of a POSIX class, in the C locale.
func inClass(name string, c byte) (in, known bool) {
	lower, upper := 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z'
	digit := '0' <= c && c <= '9'
	graph := '!' <= c && c <= '~'
	switch name {
	case "alpha":
		return lower || upper, true
	case "digit":
		return digit, true
	case "alnum":
		return lower || upper || digit, true
	case "lower":
		return lower, true
	case "upper":
		return upper, true
	case "space":
		return c == ' ' || '\t' <= c && c <= '\r', true
	case "blank":
		return c == ' ' || c == '\t', true
	case "punct":
		return graph && !lower && !upper && !digit, true
	case "print":
		return graph || c == ' ', true
	case "graph":
		return graph, true
	case "cntrl":
		return c < ' ' || c == 0x7f, true
	case "xdigit":
		return digit || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F', true
	}
	return false, false
}
