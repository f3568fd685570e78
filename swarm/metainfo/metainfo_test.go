package metainfo

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/hashing"
)

// torrent wraps an info dictionary.
func torrent(info dict, pairs ...any) dict { return with(dict{"info": info}, pairs...) }

// layered is a version 2 torrent of a file of five pieces with its layer.
func layered(t testing.TB) (info dict, h hashing.FileHashes) {
	h = hashesOf(testBytes(4*testPieceLength+1, 1), testPieceLength)
	return dict{"name": "f", "piece length": testPieceLength, "meta version": 2, "file tree": dict{
		"f": dict{"": dict{"length": h.Length, "pieces root": h.Root[:]}},
		"g": leafOf(100, 1),
	}}, h
}

func TestParse(t *testing.T) {
	v2, h := layered(t)
	good := map[string]string{string(h.Root[:]): string(hashing.JoinHashes(h.Layer))}
	for _, c := range []struct {
		name string
		in   dict
		want func(m *MetaInfo) any // true, or what differs
	}{
		{"bare", torrent(single1), func(m *MetaInfo) any {
			return m.Trackers == nil && m.Layers == nil && m.Created.IsZero() && m.Comment == "" && m.URLList == nil
		}},
		{"texts", torrent(single1, "comment", "c", "created by", "b", "creation date", 1_700_000_000, "encoding", "UTF-8"), func(m *MetaInfo) any {
			return m.Comment == "c" && m.CreatedBy == "b" && m.Created.Equal(time.Unix(1_700_000_000, 0))
		}},
		{"senseless texts", torrent(single1, "comment", 1, "created by", "\xff", "creation date", "x", "url-list", 5, "announce", list{}, "announce-list", "x"), func(m *MetaInfo) any {
			return m.Comment == "" && m.CreatedBy == "" && m.Created.IsZero() && m.URLList == nil && m.Trackers == nil
		}},
		{"dates out of range", torrent(single1, "creation date", -5), func(m *MetaInfo) any { return m.Created.IsZero() }},
		{"announce", torrent(single1, "announce", "udp://a:1"), func(m *MetaInfo) any { return tiers(m, "udp://a:1") }},
		{"announce-list counts", torrent(single1, "announce", "udp://x:1", "announce-list", list{list{"udp://a:1", "udp://b:1"}, list{"udp://c:1"}}),
			func(m *MetaInfo) any { return tiers(m, "udp://a:1 udp://b:1|udp://c:1") }},
		{"an empty list does not", torrent(single1, "announce", "udp://x:1", "announce-list", list{list{}, list{""}, 5, list{6, list{}}}),
			func(m *MetaInfo) any { return tiers(m, "udp://x:1") }},
		{"trackers twice", torrent(single1, "announce-list", list{list{"a", "a", ""}, list{"a"}, "b", list{list{"c"}, "d"}}),
			func(m *MetaInfo) any { return tiers(m, "a|b|d") }},
		{"20 trackers", torrent(single1, "announce-list", list{manyURLs(15), manyURLs(30)}), func(m *MetaInfo) any {
			return len(m.Trackers) == 2 && len(m.Trackers[0])+len(m.Trackers[1]) == MaxTrackers
		}},
		{"a long URL", torrent(single1, "announce", strings.Repeat("x", MaxURL+1)), func(m *MetaInfo) any { return m.Trackers == nil }},
		{"one web seed", torrent(single1, "url-list", "http://a/"), func(m *MetaInfo) any { return reflect.DeepEqual(m.URLList, []string{"http://a/"}) }},
		{"web seeds", torrent(single1, "url-list", list{"http://a/", 5, "http://b/", ""}), func(m *MetaInfo) any {
			return reflect.DeepEqual(m.URLList, []string{"http://a/", "http://b/"})
		}},
		{"too many web seeds", torrent(single1, "url-list", manyURLs(200)), func(m *MetaInfo) any { return len(m.URLList) == maxSeeds }},
		{"layers", torrent(v2, "piece layers", good), func(m *MetaInfo) any {
			return reflect.DeepEqual(m.Layers, Layers{h.Root: h.Layer}) && m.Info.MissingLayers(m.Layers) == nil
		}},
		{"layers empty", torrent(v2, "piece layers", dict{}), func(m *MetaInfo) any { return len(m.Info.MissingLayers(m.Layers)) == 1 }},
		{"no layers", torrent(v2), func(m *MetaInfo) any { return len(m.Info.MissingLayers(m.Layers)) == 1 }},
		{"a layer of a file of one piece", torrent(v2, "piece layers", dict{root(1): root(1)}), func(m *MetaInfo) any { return len(m.Layers) == 0 }},
		{"layers of version 1", torrent(single1, "piece layers", dict{"x": "y"}), func(m *MetaInfo) any { return m.Layers == nil }},
	} {
		m, err := Parse(encode(t, c.in))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := c.want(m); got != true {
			t.Errorf("%s: got %+v (%v)", c.name, m, got)
		}
		if !bytes.Equal(m.Info.Raw, encode(t, c.in["info"])) {
			t.Errorf("%s: raw bytes differ", c.name)
		}
		again, err := m.Marshal()
		if err != nil {
			t.Errorf("%s: Marshal: %v", c.name, err)
			continue
		}
		m2, err := Parse(again)
		if m.Layers == nil && m.Info.V2 {
			m.Layers = Layers{} // written, and so there
		}
		if err != nil || !reflect.DeepEqual(m, m2) {
			t.Errorf("%s: after Marshal got %+v, %v, want %+v", c.name, m2, err, m)
		}
	}
}

func manyURLs(n int) list {
	var l list
	for i := range n {
		l = append(l, fmt.Sprintf("udp://%d.example:1/announce", i))
	}
	return l
}

// tiers compares trackers written as "a b|c".
func tiers(m *MetaInfo, want string) any {
	var parts []string
	for _, tier := range m.Trackers {
		parts = append(parts, strings.Join(tier, " "))
	}
	if got := strings.Join(parts, "|"); got != want {
		return got
	}
	return true
}

func TestParseRefuses(t *testing.T) {
	v2, h := layered(t)
	layer := string(hashing.JoinHashes(h.Layer))
	key := string(h.Root[:])
	for name, in := range map[string]any{
		"a list": list{}, "no info": dict{"announce": "x"}, "info a string": torrent(nil, "info", "x"), "info a list": torrent(nil, "info", list{}),
		"layer too short":    torrent(v2, "piece layers", dict{key: layer[32:]}),
		"layer too long":     torrent(v2, "piece layers", dict{key: layer + layer[:32]}),
		"layer cut":          torrent(v2, "piece layers", dict{key: layer[1:]}),
		"layer changed":      torrent(v2, "piece layers", dict{key: "x" + layer[1:]}),
		"layer empty":        torrent(v2, "piece layers", dict{key: ""}),
		"layer a list":       torrent(v2, "piece layers", dict{key: list{}}),
		"layers a list":      torrent(v2, "piece layers", list{}),
		"layer of no file":   torrent(v2, "piece layers", dict{root(9): layer}),
		"root of 31 bytes":   torrent(v2, "piece layers", dict{key[1:]: layer}),
		"one good, one bad":  torrent(v2, "piece layers", dict{key: layer, root(8): layer}),
		"bad info":           torrent(with(single1, "name", "..")),
		"an integer for all": 5,
	} {
		if m, err := Parse(encode(t, in)); !errors.Is(err, ErrMetaInfo) && !errors.Is(err, ErrInfo) && !isTypeError(err) || m != nil {
			t.Errorf("%s: got %v, %v", name, m, err)
		}
	}
	raw := encode(t, torrent(single1))
	for name, c := range map[string]struct {
		in   []byte
		want error
	}{
		"trailing":      {append(bytes.Clone(raw), '\n'), bencode.ErrTrailing},
		"truncated":     {raw[:len(raw)-1], bencode.ErrTruncated},
		"empty":         {nil, bencode.ErrTruncated},
		"HTML":          {[]byte("<!DOCTYPE html>"), bencode.ErrInvalid},
		"two infos":     {append(append([]byte("d4:info"), raw[7:len(raw)-1]...), raw[1:]...), bencode.ErrDuplicate},
		"unsorted":      {append([]byte("d4:spam0:"), raw[1:]...), bencode.ErrUnsorted},
		"unsorted info": {[]byte("d4:infod4:name1:f6:lengthi1eee"), bencode.ErrUnsorted},
	} {
		if _, err := Parse(c.in); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestMarshalRefuses(t *testing.T) {
	v2, h := layered(t)
	in, err := ParseInfo(encode(t, v2))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []Layers{{h.Root: nil}, {h.Root: h.Layer[1:]}, {Hash256{1}: h.Layer}} {
		if _, err := (&MetaInfo{Info: in, Layers: l}).Marshal(); err == nil {
			t.Errorf("layers %v were written", l)
		}
	}
}

// TestParseKeepsNothing changes the input after it was parsed.
func TestParseKeepsNothing(t *testing.T) {
	data := encode(t, torrent(multi1, "announce", "udp://a:1"))
	m, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprintf("%+v %v", *m.Info, m.Trackers)
	for i := range data {
		data[i] = 'x'
	}
	if after := fmt.Sprintf("%+v %v", *m.Info, m.Trackers); after != before {
		t.Errorf("got %s, want %s", after, before)
	}
}

func TestHashes(t *testing.T) {
	h := Hash{0xab, 19: 1}
	if got, err := hashing.ParseHash(h.String()); got != h || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	h2 := Hash256{0xcd, 31: 2}
	if got, err := hashing.ParseHash256(strings.ToUpper(h2.String())); got != h2 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if h2.Short() != (Hash{0xcd}) || h.IsZero() || !(Hash{}).IsZero() || h2.IsZero() || !(Hash256{}).IsZero() {
		t.Error("Short or IsZero is wrong")
	}
	for _, s := range []string{"", "ab", strings.Repeat("g", 40), h.String() + "0", h2.String()} {
		if _, err := hashing.ParseHash(s); err == nil {
			t.Errorf("hashing.ParseHash(%q) succeeded", s)
		}
	}
	if got, ok := hashing.SplitHashes(hashing.JoinHashes([]Hash256{h2, {}})); !ok || !reflect.DeepEqual(got, []Hash256{h2, {}}) {
		t.Errorf("got %v, %v", got, ok)
	}
	if _, ok := hashing.SplitHashes(make([]byte, 33)); ok {
		t.Error("33 bytes were split")
	}
}
