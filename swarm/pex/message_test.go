package pex

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func addrs(list ...string) (out []netip.AddrPort) {
	for _, s := range list {
		out = append(out, at(s))
	}
	return out
}

// peers makes them of addresses, each with the flags behind a space.
func peers(list ...string) (out []Peer) {
	for _, s := range list {
		addr, flags, _ := strings.Cut(s, " ")
		p := Peer{Addr: at(addr)}
		if raw, err := hex.DecodeString(flags); err == nil && len(raw) == 1 {
			p.Flags = Flags(raw[0])
		}
		out = append(out, p)
	}
	return out
}

// six is the compact form of 2001:db8::N on port 6881.
func six(n string) string { return "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + n + "\x1a\xe1" }

// goldens are messages and their bytes.
func goldens() []golden {
	return []golden{
		{"nothing", Message{}, "de"},
		{"one", Message{Added: peers("10.0.0.1:6881")}, "d5:added6:\x0a\x00\x00\x01\x1a\xe17:added.f1:\x00e"},
		{"flags", Message{Added: peers("1.2.3.4:80 12", "5.6.7.8:65535 01")},
			"d5:added12:\x01\x02\x03\x04\x00\x50\x05\x06\x07\x08\xff\xff7:added.f2:\x12\x01e"},
		{"six", Message{Added: peers("[2001:db8::1]:6881 10")}, "d6:added618:" + six("\x01") + "8:added6.f1:\x10e"},
		{"dropped", Message{Dropped: addrs("1.2.3.4:80", "[2001:db8::2]:6881")},
			"d7:dropped6:\x01\x02\x03\x04\x00\x508:dropped618:" + six("\x02") + "e"},
		{"all", Message{Added: peers("1.2.3.4:80 02", "[2001:db8::1]:6881 02"), Dropped: addrs("4.3.2.1:81", "[2001:db8::2]:6881")},
			"d5:added6:\x01\x02\x03\x04\x00\x507:added.f1:\x026:added618:" + six("\x01") + "8:added6.f1:\x027:dropped6:\x04\x03\x02\x01\x00\x518:dropped618:" + six("\x02") + "e"},
	}
}

type golden struct {
	name  string
	msg   Message
	bytes string
}

func TestGolden(t *testing.T) {
	for _, g := range goldens() {
		if got := string(Append(nil, g.msg)); got != g.bytes {
			t.Errorf("%s: got %q, want %q", g.name, got, g.bytes)
		}
		got, err := Parse([]byte(g.bytes))
		if err != nil || !reflect.DeepEqual(got, g.msg) {
			t.Errorf("%s: read %+v, %v, want %+v", g.name, got, err, g.msg)
		}
		for n := range len(g.bytes) {
			if m, err := Parse([]byte(g.bytes[:n])); err == nil {
				t.Errorf("%s cut to %d bytes: got %+v, want an error", g.name, n, m)
			}
		}
		if got := string(Append([]byte("x"), g.msg)); got != "x"+g.bytes {
			t.Errorf("%s: behind other bytes got %q", g.name, got)
		}
	}
}

// loose are bodies that are read, but not as they stand.
func loose() map[string]struct {
	body string
	want Message
} {
	one := "\x01\x02\x03\x04\x00\x50"
	return map[string]struct {
		body string
		want Message
	}{
		"empty lists":    {"d5:added0:7:added.f0:6:added60:8:added6.f0:7:dropped0:8:dropped60:e", Message{}},
		"no flags":       {"d5:added6:" + one + "e", Message{Added: peers("1.2.3.4:80")}},
		"too few flags":  {"d5:added12:" + one + "\x05\x06\x07\x08\x00\x517:added.f1:\x02e", Message{Added: peers("1.2.3.4:80 02", "5.6.7.8:81")}},
		"too many flags": {"d5:added6:" + one + "7:added.f3:\x02\x04\x08e", Message{Added: peers("1.2.3.4:80 02")}},
		"unsorted":       {"d7:dropped0:5:added6:" + one + "e", Message{Added: peers("1.2.3.4:80")}},
		"other keys":     {"d5:added6:" + one + "1:xli1e3:twoe1:yd1:zi0eee", Message{Added: peers("1.2.3.4:80")}},
		"port 0":         {"d5:added6:\x01\x02\x03\x04\x00\x007:dropped6:\x01\x02\x03\x04\x00\x00e", Message{}},
		"twice":          {"d5:added12:" + one + one + "7:dropped12:\x01\x02\x03\x05\x00\x50\x01\x02\x03\x05\x00\x50e", Message{Added: peers("1.2.3.4:80"), Dropped: addrs("1.2.3.5:80")}},
		"another port":   {"d5:added12:" + one + "\x01\x02\x03\x04\x00\x51e", Message{Added: peers("1.2.3.4:80")}},
		"both":           {"d5:added6:" + one + "7:dropped6:" + one + "e", Message{Dropped: addrs("1.2.3.4:80")}},
		"nobody":         {"d5:added30:\x00\x00\x00\x00\x00\x50\xff\xff\xff\xff\x00\x50\xe0\x00\x00\x01\x00\x50\xef\xc0\x98\x8f\x1a\x73" + one + "e", Message{Added: peers("1.2.3.4:80")}},
		"v4 in v6":       {"d6:added618:" + strings.Repeat("\x00", 10) + "\xff\xff\x01\x02\x03\x04\x00\x50e", Message{}},
		"nobody in v6":   {"d6:added618:" + strings.Repeat("\x00", 16) + "\x00\x508:dropped618:\xff\x15" + strings.Repeat("\x00", 14) + "\x00\x50e", Message{}},
		"link-local":     {"d6:added618:\xfe\x80" + strings.Repeat("\x00", 13) + "\x01\x00\x50e", Message{}},
	}
}

func TestLoose(t *testing.T) {
	for name, tt := range loose() {
		if got, err := Parse([]byte(tt.body)); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, tt.want)
		}
	}
}

// refused are bodies that end the connection.
func refused() map[string]struct {
	body string
	want error
} {
	return map[string]struct {
		body string
		want error
	}{
		"nothing":          {"", ErrSyntax},
		"no dictionary":    {"le", ErrSyntax},
		"a string":         {"5:added", ErrSyntax},
		"wrong type":       {"d5:addedi5ee", ErrSyntax},
		"a list":           {"d5:addedl6:\x01\x02\x03\x04\x00\x50ee", ErrSyntax},
		"flags a list":     {"d7:added.flee", ErrSyntax},
		"trailing":         {"dee", ErrSyntax},
		"repeated key":     {"d5:added0:5:added0:e", ErrSyntax},
		"length lies":      {"d5:added4294967296:e", ErrSyntax},
		"odd":              {"d5:added7:\x01\x02\x03\x04\x00\x50\x01e", ErrLength},
		"odd dropped":      {"d7:dropped1:\x01e", ErrLength},
		"odd v6":           {"d6:added612:\x01\x02\x03\x04\x00\x50\x01\x02\x03\x04\x00\x50e", ErrLength},
		"odd dropped v6":   {"d8:dropped617:aaaaaaaaaaaaaaaaae", ErrLength},
		"deep":             {"d1:x" + strings.Repeat("l", 100) + strings.Repeat("e", 101), ErrSyntax},
		"too long":         {"d1:x40000:" + strings.Repeat("a", 40000) + "e", ErrSyntax},
		"too many tokens":  {"d1:xl" + strings.Repeat("i1e", 1000) + "ee", ErrSyntax},
		"negative length":  {"d5:added-6:aaaaaae", ErrSyntax},
		"leading zero":     {"d5:added06:aaaaaae", ErrSyntax},
		"key not a string": {"di1e0:e", ErrSyntax},
	}
}

func TestRefused(t *testing.T) {
	for name, tt := range refused() {
		if got, err := Parse([]byte(tt.body)); !errors.Is(err, tt.want) || got.Added != nil || got.Dropped != nil {
			t.Errorf("%s: got %+v, %v, want %v", name, got, err, tt.want)
		}
	}
}

// TestBounded gives lists of 100 contacts, as libtorrent sends them at first.
func TestBounded(t *testing.T) {
	var four, drop, six6 string
	for i := range byte(100) {
		four += string([]byte{1, 1, 1, i, 1, 1})
		drop += string([]byte{2, 1, 1, i, 1, 1})
		six6 += "\x20\x01" + strings.Repeat("\x00", 13) + string([]byte{i, 1, 1})
	}
	m, err := Parse([]byte("d5:added600:" + four + "6:added61800:" + six6 + "7:dropped600:" + drop + "e"))
	if err != nil || len(m.Added) != 2*MaxEntries || len(m.Dropped) != MaxEntries {
		t.Errorf("got %d added, %d dropped, %v", len(m.Added), len(m.Dropped), err)
	}
}

// TestAppendLeavesOut has nothing written that no peer could use.
func TestAppendLeavesOut(t *testing.T) {
	m := Message{
		Added:   []Peer{{}, {Addr: netip.AddrPortFrom(netip.MustParseAddr("::ffff:1.2.3.4"), 80)}, {Addr: at("1.2.3.4:0")}, {Addr: at("[fe80::1%eth0]:80")}},
		Dropped: []netip.AddrPort{{}, at("0.0.0.0:1"), at("[fe80::1]:80")},
	}
	if got := string(Append(nil, m)); got != "de" {
		t.Errorf("got %q, want %q", got, "de")
	}
}

func TestWhoMayHearOfWhom(t *testing.T) {
	const local, lan, lan6, far, far6 = "127.0.0.2", "192.168.1.2", "fd00::1", "8.8.8.8", "2606::1"
	for _, tt := range []struct {
		peer, about string
		want        bool
	}{
		{local, local, true}, {local, lan, true}, {local, far, true}, {lan, local, false}, {lan, lan, true}, {lan6, lan, true},
		{lan, far6, true}, {far, local, false}, {far, lan, false}, {far6, lan6, false}, {far, far6, true}, {far, "169.254.0.1", false},
		{far, "::1", false}, {"::ffff:127.0.0.1", "::1", true}, {far, "::ffff:10.0.0.1", false},
	} {
		to, about := Receiver{Addr: netip.MustParseAddr(tt.peer)}, netip.AddrPortFrom(netip.MustParseAddr(tt.about), 6881)
		if got := to.mayHear(Peer{Addr: about}); got != tt.want {
			t.Errorf("%s about %s: got %t, want %t", tt.peer, tt.about, got, tt.want)
		}
	}
}
