// Package human writes names, sizes, rates, times and JSON for people at a
// terminal: nothing that comes from strangers can act on it. It knows nothing of
// what it writes. All is safe for concurrent use.
package human

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Quoted returns a name as it is to be printed: as it is where it can be taken for
// nothing else, else as a Go string literal. Names come from strangers: control
// and bidirectional characters in them are not for the terminal, and spaces and
// quotes could make one look like more than a name.
func Quoted(s string) string {
	if s == "" || !Plain(s) || strings.ContainsAny(s, ` "`) {
		return strconv.Quote(s)
	}
	return s
}

// Plain reports whether s is valid UTF-8 of visible characters and spaces.
func Plain(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// OneLine makes a message fit for one line of a terminal: line breaks become
// "; ", other characters that do not print are escaped.
func OneLine(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	s = strings.Join(lines, "; ")
	if Plain(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// Lines returns a writer that writes to w each line that it is given, as OneLine
// makes it.
func Lines(w io.Writer) io.Writer { return lines{w} }

type lines struct{ w io.Writer }

func (l lines) Write(p []byte) (int, error) {
	if _, err := io.WriteString(l.w, OneLine(string(p))+"\n"); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Size returns n bytes in the largest binary unit in which n is at least
// one, with three digits or so: "1.5 MiB".
func Size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	x, unit := float64(n), ""
	// 1023.95 of a unit would round to 1024.0 of it.
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"} {
		if x /= 1024; x < 1023.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", x, unit)
}

// Rate returns a rate in bytes a second.
func Rate(perSecond int64) string { return Size(max(perSecond, 0)) + "/s" }

// Duration returns d in whole seconds, minutes and seconds, hours and
// minutes, or days and hours.
func Duration(d time.Duration) string {
	s := int64(max(d, 0).Round(time.Second) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	default:
		return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
	}
}

// Percent returns how much of all is done, rounded down: 100 only when it is
// all done. Nothing to do is all done.
func Percent(done, all int64) float64 {
	if done >= all {
		return 100
	}
	return min(99.9, float64(int64(float64(max(done, 0))/float64(all)*1000))/10)
}

// Count returns n and the noun, with an s unless n is 1.
func Count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
