package metainfo

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"p2pfs/swarm/hashing"
)

const (
	hex1    = "0123456789abcdef0123456789ABCDEF01234567"
	base32h = "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH" // the same
	hex2    = "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e"
	btih    = "magnet:?xt=urn:btih:" + hex1
	btmh    = "magnet:?xt=urn:btmh:1220" + hex2
)

func TestParseMagnet(t *testing.T) {
	v1, err1 := hashing.ParseHash(hex1)
	v2, err2 := hashing.ParseHash256(hex2)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	one := func(f func(m *Magnet)) Magnet {
		m := Magnet{V1: v1, HasV1: true}
		if f != nil {
			f(&m)
		}
		return m
	}
	for _, c := range []struct {
		in   string
		want Magnet
	}{
		{btih, one(nil)},
		{"magnet:?xt=urn:btih:" + strings.ToLower(hex1), one(nil)},
		{"magnet:?xt=urn:btih:" + base32h, one(nil)},
		{"magnet:?xt=urn:btih:" + strings.ToLower(base32h), one(nil)},
		{"MAGNET:?XT=URN:BTIH:" + hex1, one(nil)},
		{"magnet:?xt=urn%3Abtih%3A" + hex1, one(nil)},
		{"magnet:?xt.1=urn:btih:" + hex1 + "&tr.1=a&tr.2=b", one(func(m *Magnet) { m.Trackers = []string{"a", "b"} })},
		{"magnet:?dn=x&xt=urn:btih:" + hex1 + "&", one(func(m *Magnet) { m.Name = "x" })},
		{btih + "&xt=urn:btih:" + base32h, one(nil)},
		{btih + "&xt=urn:sha1:ABC&xt=urn:ed2k:1&foo=bar&&=&x", one(nil)},
		{btmh, Magnet{V2: v2, HasV2: true}},
		{"magnet:?xt=urn:btmh:1220" + strings.ToUpper(hex2), Magnet{V2: v2, HasV2: true}},
		{btih + "&xt=urn:btmh:1220" + hex2, Magnet{V1: v1, HasV1: true, V2: v2, HasV2: true}},
		{btih + "&dn=a+b%20c%26%3D", one(func(m *Magnet) { m.Name = "a b c&=" })},
		{btih + "&dn=..", one(nil)}, {btih + "&dn=AC%2FDC%00", one(func(m *Magnet) { m.Name = "AC_DC_" })},
		{btih + "&dn=%ff", one(func(m *Magnet) { m.Name = "\uFFFD" })},
		{btih + "&dn=" + strings.Repeat("%C3%BC", 200), one(func(m *Magnet) { m.Name = strings.Repeat("ü", 127) })},
		{btih + "&tr=udp%3A%2F%2Fa%3A1%2Fx&tr=udp://a:1/x&tr=&tr=http://b/?c%26d", one(func(m *Magnet) { m.Trackers = []string{"udp://a:1/x", "http://b/?c&d"} })},
		{btih + "&tr=" + strings.Repeat("x", MaxURL+1) + "&tr=%ff", one(nil)},
		{btih + "&x.pe=1.2.3.4:5&x.pe=[::1]:6881&x.pe=h.example%3A80", one(func(m *Magnet) { m.Peers = []string{"1.2.3.4:5", "[::1]:6881", "h.example:80"} })},
		{btih + "&x.pe=1.2.3.4&x.pe=:5&x.pe=a:0&x.pe=a:65536&x.pe=a:x&x.pe=a%20b:1&x.pe=a/b:1&x.pe=::1:1", one(nil)},
		{btih + "&xl=1234", one(func(m *Magnet) { m.Length = 1234 })}, {btih + "&xl=-1", one(nil)}, {btih + "&xl=99999999999999999999", one(nil)}, {btih + "&xl=x", one(nil)},
		{btih + "&so=0,2,4,6-8", one(func(m *Magnet) { m.Select = []Range{{0, 0}, {2, 2}, {4, 4}, {6, 8}} })},
		{btih + "&so=99999", one(func(m *Magnet) { m.Select = []Range{{99999, 99999}} })},
		{btih + "&so=", one(nil)},
	} {
		got, err := ParseMagnet(c.in)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("ParseMagnet(%q):\ngot  %+v, %v\nwant %+v", c.in, got, err, c.want)
			continue
		}
		again, err := ParseMagnet(got.String())
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("%q became %q: got %+v, %v, want %+v", c.in, got.String(), again, err, got)
		}
	}
}

func TestParseMagnetRefuses(t *testing.T) {
	for _, in := range []string{
		"", "magnet:", "magnet:?", "magnet:?dn=x", "http://example.com/?xt=urn:btih:" + hex1, hex1, " " + btih,
		"magnet:?xt=", "magnet:?xt=urn:btih:", "magnet:?xt=urn:btih:" + hex1[1:], "magnet:?xt=urn:btih:" + hex1 + "0", "magnet:?xt=urn:btih:g" + hex1[1:],
		"magnet:?xt=urn:btih:" + base32h[1:], "magnet:?xt=urn:btih:1" + base32h[1:], "magnet:?xt=urn:btih:" + base32h[:31] + "=", "magnet:?xt=urn:btih:" + base32h[:31] + "%0A",
		"magnet:?xt=urn:btih:" + hex2, "magnet:?xt=urn:btmh:" + hex2, "magnet:?xt=urn:btmh:1220" + hex2[2:], "magnet:?xt=urn:btmh:1114" + hex1,
		"magnet:?xt=urn:btmh:1220" + hex2 + "00", "magnet:?xt=urn:btmh:1320" + hex2, "magnet:?xt=urn:sha1:" + base32h, "magnet:?xt=urn:tree:tiger:" + base32h,
		btih + "&xt=urn:btih:" + strings.Repeat("0", 40), btmh + "&xt=urn:btmh:1220" + strings.Repeat("0", 64), btih + "&xt=urn:btih:x",
		btih + "&dn=%zz", btih + "&tr=%", btih + "&so=x", btih + "&so=1-", btih + "&so=-1", btih + "&so=3-2", btih + "&so=1,,2", btih + "&so=1-2-3", btih + "&so=+1",
		btih + "&so=100000", btih + "&so=0-4294967295", btih + "&so=99999999999999999999", btih + "&so=" + strings.Repeat("1,", MaxRanges) + "1",
		btih + "&dn=" + strings.Repeat("x", MaxMagnet),
	} {
		if m, err := ParseMagnet(in); !errors.Is(err, ErrMagnet) {
			t.Errorf("ParseMagnet(%.100q): got %+v, %v", in, m, err)
		}
	}
}

func TestMagnetBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString(btih)
	for i := range 1000 {
		fmt.Fprintf(&b, "&tr=udp://%d&x.pe=a:%d", i, i+1)
	}
	m, err := ParseMagnet(b.String())
	if err != nil || len(m.Trackers) != MaxTrackers || len(m.Peers) != MaxPeers {
		t.Errorf("got %d trackers, %d peers, %v", len(m.Trackers), len(m.Peers), err)
	}
}

func TestMagnetString(t *testing.T) {
	m := Magnet{HasV1: true, HasV2: true, Name: "a b&ü", Trackers: []string{"udp://a:1/announce"}, Peers: []string{"[::1]:5"},
		Select: []Range{{1, 1}, {3, 5}}, Length: 9}
	want := "magnet:?xt=urn:btih:" + strings.Repeat("0", 40) + "&xt=urn:btmh:1220" + strings.Repeat("0", 64) +
		"&dn=a%20b%26%C3%BC&xl=9&tr=udp%3A%2F%2Fa%3A1%2Fannounce&x.pe=%5B%3A%3A1%5D:5&so=1,3-5"
	want = strings.Replace(want, "%5B%3A%3A1%5D:5", "%5B::1%5D:5", 1)
	if got := m.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for file, want := range []bool{false, true, false, true, true, true, false} {
		if m.Selected(file) != want || !(Magnet{}).Selected(file) {
			t.Errorf("Selected(%d) is wrong", file)
		}
	}
	if got := m.InfoHashes(); len(got) != 2 {
		t.Errorf("got %d infohashes", len(got))
	}
}

func TestMagnetOfMetaInfo(t *testing.T) {
	m, err := Parse(encode(t, torrent(hybrid, "announce-list", list{list{"a", "b"}, list{"c"}})))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseMagnet(m.Magnet().String())
	if err != nil || got.V1 != m.Info.HashV1 || got.V2 != m.Info.HashV2 || got.Name != "d" || got.Length != 50_000 || len(got.Trackers) != 3 {
		t.Errorf("got %+v, %v", got, err)
	}
}
