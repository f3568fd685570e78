package wire

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"unicode/utf8"

	"p2pfs/swarm/bencode"
)

// Names under which extensions are offered in the extended handshake.
const (
	ExtMetadata   = "ut_metadata" // BEP 9
	ExtDontHave   = "lt_donthave" // BEP 54
	ExtUploadOnly = "upload_only" // BEP 21, told again when it changes
)

// Bounds on what an extended handshake may say.
const (
	// DefaultReqq is what a peer that tells no reqq is taken to bear (BEP 10).
	DefaultReqq = 250
	// MaxReqq is where a larger reqq is cut.
	MaxReqq = 2000
	// MaxMetadata is the longest info dictionary that is fetched, in bytes.
	MaxMetadata = 16 << 20

	maxVersion  = 100  // bytes of v
	maxM        = 256  // names in m
	maxExtToken = 8192 // bencode tokens of a handshake
)

// extLimits bounds the bencode in extended messages. Clients send keys in
// any order, so order is not asked for.
var extLimits = bencode.Limits{Bytes: MaxExtended, Tokens: maxExtToken, Depth: 32, AllowUnsorted: true}

// ExtendedHandshake is the body of extended message 0 (BEP 10). When read, a
// value of the wrong type or outside of its range is as if it were absent:
// what one client sends there oddly is no reason to lose it.
type ExtendedHandshake struct {
	// M gives the ids its sender wants for the extensions it knows, 0 to 255;
	// 0 switches one off. A later handshake holds only what changes.
	M            map[string]int
	V            string     // client and version, at most 100 bytes; proves nothing
	Reqq         int        // requests its sender queues: read 1..MaxReqq, DefaultReqq if absent
	Port         int        // its listen port, 1..65535; 0: not told
	MetadataSize int        // length of the info dictionary, at most MaxMetadata; 0: not told (BEP 9)
	YourIP       netip.Addr // the receiver as its sender sees it; zero: not told
	UploadOnly   bool       // it wants nothing (BEP 21)
	// Extra holds other keys: all that are to be sent, and of those received
	// the ones that were asked for.
	Extra map[string]bencode.RawMessage
}

// AppendExtendedHandshake appends h as a whole message. Fields that are zero
// are left out, but for m.
func AppendExtendedHandshake(dst []byte, h *ExtendedHandshake) []byte {
	fields := map[string][]byte{"m": appendM(nil, h.M)}
	for key, n := range map[string]int{"reqq": h.Reqq, "p": h.Port, "metadata_size": h.MetadataSize} {
		if n > 0 {
			fields[key] = bencode.AppendInt(nil, n)
		}
	}
	if h.UploadOnly {
		fields["upload_only"] = bencode.AppendInt(nil, 1)
	}
	if h.V != "" {
		fields["v"] = bencode.AppendString(nil, h.V)
	}
	if h.YourIP.IsValid() {
		fields["yourip"] = bencode.AppendString(nil, string(h.YourIP.Unmap().AsSlice()))
	}
	for key, raw := range h.Extra {
		fields[key] = raw
	}
	body := []byte{'d'}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		body = append(bencode.AppendString(body, key), fields[key]...)
	}
	return AppendExtended(dst, 0, append(body, 'e'))
}

func appendM(dst []byte, m map[string]int) []byte {
	dst = append(dst, 'd')
	for _, name := range slices.Sorted(maps.Keys(m)) {
		dst = bencode.AppendInt(bencode.AppendString(dst, name), m[name])
	}
	return append(dst, 'e')
}

// ParseExtendedHandshake reads the body of extended message 0. extra names
// keys whose raw values are wanted besides; copies of them are in Extra.
// ErrSyntax if the body is not one dictionary within bounds or m in it is
// none, ErrRange if m has more than 256 names.
func ParseExtendedHandshake(body []byte, extra ...string) (*ExtendedHandshake, error) {
	d, err := dictionary(body)
	if err != nil {
		return nil, err
	}
	h := &ExtendedHandshake{Reqq: DefaultReqq}
	if h.M, err = parseM(d["m"]); err != nil {
		return nil, err
	}
	if n, ok := rawInt(d["reqq"]); ok {
		h.Reqq = int(min(max(n, 1), MaxReqq))
	}
	if n, ok := rawInt(d["p"]); ok && n >= 1 && n <= 65535 {
		h.Port = int(n)
	}
	if n, ok := rawInt(d["metadata_size"]); ok && n >= 0 && n <= MaxMetadata {
		h.MetadataSize = int(n)
	}
	if n, ok := rawInt(d["upload_only"]); ok {
		h.UploadOnly = n != 0
	}
	if s, ok := rawString(d["v"]); ok {
		h.V = cut(s, maxVersion)
	}
	if s, ok := rawString(d["yourip"]); ok {
		h.YourIP, _ = netip.AddrFromSlice([]byte(s))
	}
	h.Extra = pick(d, extra)
	return h, nil
}

// pick copies the values of those keys that d has.
func pick(d map[string]bencode.RawMessage, keys []string) map[string]bencode.RawMessage {
	var got map[string]bencode.RawMessage
	for _, key := range keys {
		raw, ok := d[key]
		if !ok {
			continue
		}
		if got == nil {
			got = make(map[string]bencode.RawMessage)
		}
		got[key] = slices.Clone(raw)
	}
	return got
}

// parseM reads the dictionary of extension ids; ids that no byte holds are
// left out.
func parseM(raw bencode.RawMessage) (map[string]int, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	d, err := dictionary(raw)
	if err != nil {
		return nil, err
	}
	if len(d) > maxM {
		return nil, bad(MsgExtended, raw, ErrRange)
	}
	m := make(map[string]int, len(d))
	for name, v := range d {
		if n, ok := rawInt(v); ok && n >= 0 && n <= 255 {
			m[name] = int(n)
		}
	}
	return m, nil
}

// dictionary reads p as one bencoded dictionary.
func dictionary(p []byte) (map[string]bencode.RawMessage, error) {
	if len(p) == 0 || p[0] != 'd' {
		return nil, bad(MsgExtended, p, ErrSyntax)
	}
	var d map[string]bencode.RawMessage
	if err := bencode.Unmarshal(p, &d, extLimits); err != nil {
		return nil, bad(MsgExtended, p, fmt.Errorf("%w: %w", ErrSyntax, err))
	}
	return d, nil
}

// rawInt returns the integer that raw, checked bencode or empty, holds; false
// if it is none or does not fit in 64 bits.
func rawInt(raw bencode.RawMessage) (int64, bool) {
	if len(raw) < 3 || raw[0] != 'i' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(raw[1:len(raw)-1]), 10, 64)
	return n, err == nil
}

// rawString returns the string that raw, checked bencode or empty, holds.
func rawString(raw bencode.RawMessage) (string, bool) {
	if len(raw) == 0 || raw[0] < '0' || raw[0] > '9' {
		return "", false
	}
	i := slices.Index(raw, ':')
	return string(raw[i+1:]), i > 0
}

// cut shortens s to n bytes, at a rune where s is UTF-8.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := n; i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:n]
}
