package union

import (
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/names"
	"strings"
	"unicode/utf8"
)

// reserved is the name at the root of a mount that no member can have.
const reserved = ".p2pfs"

// maxExt is the longest suffix that counts as an extension, dot included.
const maxExt = 16

// LongName returns the name under which w's copy is shown where the bare name
// is another's: name~<member>-<key16>.ext. Where that is beyond names.Max the stem
// is cut at a rune.
func (w *Who) LongName(name string, kind catalog.Kind) string {
	return w.numbered(name, kind, "")
}

// numbered is longName with a mark between stem and suffix, for copies whose
// long names would be the same.
func (w *Who) numbered(name string, kind catalog.Kind, mark string) string {
	stem, ext := splitExt(name, kind)
	suffix := mark + "~" + w.Name + "-" + w.Key.Short()
	if room := names.Max - len(suffix) - len(ext); len(stem) > room {
		for room > 0 && !utf8.RuneStart(stem[room]) {
			room--
		}
		stem = stem[:room]
	}
	return stem + suffix + ext
}

// splitExt cuts a file's name in front of its extension: what follows the last
// dot, if that is short, has no space or tilde in it, and something stands
// before. Directories have none.
func splitExt(name string, kind catalog.Kind) (stem, ext string) {
	if kind == catalog.KindDir {
		return name, ""
	}
	i := strings.LastIndexByte(name, '.')
	if i <= 0 || i == len(name)-1 || len(name)-i > maxExt || strings.ContainsAny(name[i:], " ~") {
		return name, ""
	}
	return name[:i], name[i:]
}

// looksLong reports whether a name has the form that longName gives, for any
// kind. Such a name is never shown bare, so that nobody can pass his file off
// as another's copy.
func looksLong(name string) bool {
	stem, _ := splitExt(name, catalog.KindFile)
	return endsLong(name) || endsLong(stem)
}

// endsLong reports whether s ends in ~<member>-<key16>, or in ~<member>-<key8>, as
// it was before: users know that form.
func endsLong(s string) bool { return endsIn(s, 16) || endsIn(s, 8) }

func endsIn(s string, digits int) bool {
	i := strings.LastIndexByte(s, '~')
	if i < 0 || len(s)-i-1 < digits+1 {
		return false
	}
	member, key := s[i+1:len(s)-digits-1], s[len(s)-digits-1:]
	if len(member) > catalog.MaxMemberName || key[0] != '-' {
		return false
	}
	return strings.Trim(key[1:], "0123456789abcdef") == ""
}

// mayBeBare reports whether name can be shown as it is in a directory of the
// given depth.
func (v *View) mayBeBare(name string, depth int) bool { return v.exact || BareAt(name, depth) }

// BareAt is mayBeBare of a view of all members.
func BareAt(name string, depth int) bool {
	return !looksLong(name) && (depth > 0 || name != reserved)
}
