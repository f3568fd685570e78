package metainfo

import (
	"encoding/base32"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/names"
)

// Limits of a magnet link.
const (
	MaxMagnet = 64 << 10 // bytes of a link
	MaxPeers  = 64       // x.pe addresses kept
	MaxRanges = 1000     // ranges of so
)

// ErrMagnet is the cause of every refusal by ParseMagnet.
var ErrMagnet = errors.New("bad magnet link")

func badMagnet(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMagnet}, args...)...)
}

// Range is a run of file indexes, both ends included (BEP 53).
type Range struct{ First, Last int }

// Magnet is a magnet link: an infohash of either version or both, and hints.
type Magnet struct {
	V1           Hash
	V2           Hash256
	HasV1, HasV2 bool
	Name         string   // dn, made fit for a file name; "" if there is none
	Trackers     []string // tr, not looked at; at most MaxTrackers
	Peers        []string // x.pe, host:port as written; at most MaxPeers
	Select       []Range  // so: only these files are wanted; nil: all
	Length       int64    // xl, bytes; 0 if not said
}

// InfoHashes returns the infohashes that a handshake may carry, as
// Info.InfoHashes.
func (m Magnet) InfoHashes() []Hash {
	var h []Hash
	if m.HasV1 {
		h = append(h, m.V1)
	}
	if m.HasV2 {
		h = append(h, m.V2.Short())
	}
	return h
}

// ParseMagnet reads a magnet link. Parameters that are unknown are skipped,
// hints that make no sense dropped; a malformed infohash or selection, or two
// infohashes of one version that differ, are an error that wraps ErrMagnet.
func ParseMagnet(s string) (Magnet, error) {
	const scheme = "magnet:?"
	if len(s) > MaxMagnet {
		return Magnet{}, badMagnet("%d bytes long", len(s))
	}
	if len(s) < len(scheme) || !strings.EqualFold(s[:len(scheme)], scheme) {
		return Magnet{}, badMagnet("does not begin with %q", scheme)
	}
	var m Magnet
	for param := range strings.SplitSeq(s[len(scheme):], "&") {
		key, value, _ := strings.Cut(param, "=")
		text, err := url.QueryUnescape(value)
		if err != nil {
			return Magnet{}, badMagnet("%q: %w", cut(key), err)
		}
		// Several values of a key may be numbered: xt.1, tr.2.
		key = strings.ToLower(key)
		if stem, number, ok := strings.Cut(key, "."); ok && isNumber(number) {
			key = stem
		}
		if err := m.param(key, text); err != nil {
			return Magnet{}, err
		}
	}
	if !m.HasV1 && !m.HasV2 {
		return Magnet{}, badMagnet("no BitTorrent infohash (xt)")
	}
	return m, nil
}

func (m *Magnet) param(key, text string) error {
	switch key {
	case "xt":
		return m.topic(text)
	case "so":
		return m.selectOnly(text)
	case "dn":
		m.Name = cleanName(text)
	case "tr":
		if text != "" && len(text) <= MaxURL && utf8.ValidString(text) && len(m.Trackers) < MaxTrackers {
			m.Trackers = appendNew(m.Trackers, text)
		}
	case "x.pe":
		if isHostPort(text) && len(m.Peers) < MaxPeers {
			m.Peers = appendNew(m.Peers, text)
		}
	case "xl":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
			m.Length = n
		}
	}
	return nil
}

// topic reads xt. Those of other networks are skipped.
func (m *Magnet) topic(text string) error {
	const btih, btmh = "urn:btih:", "urn:btmh:"
	switch {
	case hasPrefixFold(text, btih):
		h, err := parseBtih(text[len(btih):])
		if err != nil || m.HasV1 && m.V1 != h {
			return badMagnet("xt %q", cut(text))
		}
		m.V1, m.HasV1 = h, true
	case hasPrefixFold(text, btmh):
		h, err := parseBtmh(text[len(btmh):])
		if err != nil || m.HasV2 && m.V2 != h {
			return badMagnet("xt %q", cut(text))
		}
		m.V2, m.HasV2 = h, true
	}
	return nil
}

// parseBtih reads 40 digits of hexadecimal or 32 of base 32.
func parseBtih(s string) (h Hash, err error) {
	if len(s) != 32 {
		return hashing.ParseHash(s)
	}
	n, err := base32.StdEncoding.Decode(h[:], []byte(strings.ToUpper(s)))
	if err == nil && n != len(h) { // line ends are skipped there
		err = errors.New("base 32 of a wrong length")
	}
	return h, err
}

// multihash says SHA-256, 32 bytes.
const multihash = "1220"

func parseBtmh(s string) (h Hash256, err error) {
	if !strings.HasPrefix(s, multihash) {
		return h, errors.New("not a SHA-256 multihash")
	}
	return hashing.ParseHash256(s[len(multihash):])
}

// selectOnly reads "0,2,4,6-8" (BEP 53).
func (m *Magnet) selectOnly(text string) error {
	m.Select = nil
	if text == "" {
		return nil
	}
	for item := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(item, "-")
		if !isRange {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 31)
		b, errB := strconv.ParseUint(last, 10, 31)
		if errA != nil || errB != nil || a > b || b >= MaxFiles || len(m.Select) == MaxRanges {
			return badMagnet("so %q", cut(text))
		}
		m.Select = append(m.Select, Range{int(a), int(b)})
	}
	return nil
}

// Selected reports whether the link wants the file with this index.
func (m Magnet) Selected(file int) bool {
	for _, r := range m.Select {
		if r.First <= file && file <= r.Last {
			return true
		}
	}
	return m.Select == nil
}

// String returns the link in the form that most clients understand:
// hexadecimal, infohashes first.
func (m Magnet) String() string {
	var b strings.Builder
	add := func(key, value string) {
		b.WriteString("&" + key + "=" + value)
	}
	if m.HasV1 {
		add("xt", "urn:btih:"+m.V1.String())
	}
	if m.HasV2 {
		add("xt", "urn:btmh:"+multihash+m.V2.String())
	}
	if m.Name != "" {
		add("dn", escape(m.Name))
	}
	if m.Length > 0 {
		add("xl", strconv.FormatInt(m.Length, 10))
	}
	for _, tr := range m.Trackers {
		add("tr", escape(tr))
	}
	for _, p := range m.Peers {
		add("x.pe", strings.ReplaceAll(escape(p), "%3A", ":"))
	}
	for i, r := range m.Select {
		s := strconv.Itoa(r.First)
		if r.Last != r.First {
			s += "-" + strconv.Itoa(r.Last)
		}
		if i == 0 {
			add("so", s)
		} else {
			b.WriteString("," + s)
		}
	}
	return "magnet:?" + strings.TrimPrefix(b.String(), "&")
}

// Magnet returns the magnet link of m, without peers.
func (m *MetaInfo) Magnet() Magnet {
	in := m.Info
	g := Magnet{V1: in.HashV1, V2: in.HashV2, HasV1: in.V1, HasV2: in.V2, Name: in.Name, Length: in.Length()}
	for _, tier := range m.Trackers {
		g.Trackers = append(g.Trackers, tier...)
	}
	return g
}

// escape writes a blank as %20: clients differ about '+'.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// cleanName makes a display name fit to be a file's name: it is only shown.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '/' || r == 0 {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	for len(s) > names.Max {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	if s == "." || s == ".." {
		return ""
	}
	return s
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || len(host) > 255 || strings.ContainsAny(host, " \t\r\n\x00/@") || !utf8.ValidString(host) {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func appendNew(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

// cut shortens foreign text for an error message, which quotes it.
func cut(s string) string {
	if len(s) > 80 {
		s = s[:80] + "..."
	}
	return s
}
