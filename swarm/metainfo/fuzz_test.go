package metainfo

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/names"
)

// seeds adds the dictionaries of the tests: those to be accepted, those to be
// refused, and some with a part cut out.
func seeds(f *testing.F, wrap func(raw []byte) []byte) {
	add := func(raw []byte) { f.Add(wrap(raw)) }
	n := 0
	for _, d := range []dict{single1, multi1, single2, multi2, hybrid1, hybrid} {
		raw := encode(f, d)
		add(raw)
		for cut := 1; cut < len(raw); cut += len(raw) / 5 {
			add(raw[:cut])
			add(append(bytes.Clone(raw[:cut]), raw[cut+1:]...))
		}
		n += 11
	}
	for _, c := range refused {
		if raw := encode(f, c.in); len(raw) < 4096 {
			add(raw)
			n++
		}
	}
	if n < 100 {
		f.Fatalf("%d seeds", n)
	}
}

// checkInfo calls all that an accepted dictionary must bear.
func checkInfo(t *testing.T, in *Info) {
	for _, f := range in.Files {
		if f.Length < 0 || f.Offset < 0 || f.Offset+f.Length > in.Pieces.end || f.Pad != (f.Path == nil) {
			t.Fatalf("file %+v", f)
		}
		for _, list := range [][]string{f.Path, f.Symlink} {
			if list != nil && checkPath(list) != nil {
				t.Fatalf("path %q", list)
			}
		}
	}
	n := in.Pieces.Count()
	var sum int64
	for _, i := range []int{0, 1, n / 2, n - 2, n - 1} {
		if i < 0 || i >= n {
			continue
		}
		size := int64(in.Pieces.Size(i))
		sum += size
		if size < 1 || size > in.PieceLength || size+int64(in.Pieces.Pad(i)) > in.PieceLength || in.Pieces.Blocks(i) != int(ceilDiv(size, hashing.BlockSize)) {
			t.Fatalf("piece %d of %d bytes and %d", i, size, in.Pieces.Pad(i))
		}
		var got int64
		for _, s := range in.Pieces.Spans(i, 0, size) {
			if f := in.Files[s.File]; s.Offset < 0 || s.Length < 1 || s.Offset+s.Length > f.Length {
				t.Fatalf("piece %d: span %+v of a file of %d", i, s, f.Length)
			}
			got += s.Length
		}
		if got != size {
			t.Fatalf("piece %d: spans of %d bytes, want %d", i, got, size)
		}
		in.Pieces.Spans(i, math.MaxInt64/2, math.MaxInt64)
		if !in.Pieces.CheckBlock(int64(i), size-1, 1) || in.Pieces.CheckBlock(int64(i), 0, in.PieceLength+1) {
			t.Fatalf("piece %d: CheckBlock", i)
		}
		if in.V1 {
			in.Pieces.SHA1(i)
		}
		if in.V2 {
			in.PieceHash2(nil, i)
			in.LeafCount(i)
			in.Tree(in.Pieces.FileOf(i)).LayerRequests()
		}
	}
	if in.Length() < 0 || len(in.InfoHashes()) == 0 {
		t.Fatal("no length or no infohash")
	}
	in.MissingLayers(nil)
}

func FuzzParseInfo(f *testing.F) {
	seeds(f, func(raw []byte) []byte { return raw })
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := ParseInfo(raw)
		if (in == nil) == (err == nil) {
			t.Fatalf("got %v, %v", in, err)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(in.Raw, raw) {
			t.Fatal("raw bytes differ")
		}
		checkInfo(t, in)
	})
}

func FuzzParse(f *testing.F) {
	seeds(f, func(raw []byte) []byte { return []byte("d8:announce9:udp://a:14:info" + string(raw) + "e") })
	v2, h := layered(f)
	f.Add(encode(f, torrent(v2, "piece layers", dict{string(h.Root[:]): string(hashing.JoinHashes(h.Layer))})))
	f.Add(encode(f, torrent(v2, "piece layers", dict{string(h.Root[:]): string(hashing.JoinHashes(h.Layer[1:]))})))
	f.Add(encode(f, torrent(single1, "announce-list", list{list{"a", "b"}, list{"c"}, "d", 5}, "url-list", "x", "creation date", 5)))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if (m == nil) == (err == nil) {
			t.Fatalf("got %v, %v", m, err)
		}
		if err != nil {
			return
		}
		checkInfo(t, m.Info)
		out, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(out)
		if m.Info.V2 && m.Layers == nil {
			m.Layers = Layers{}
		}
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("got %+v, %v, want %+v", again, err, m)
		}
		if g, err := ParseMagnet(m.Magnet().String()); err != nil || g.V1 != m.Info.HashV1 || g.V2 != m.Info.HashV2 {
			t.Fatalf("magnet %v: got %+v, %v", m.Magnet(), g, err)
		}
	})
}

func FuzzParseMagnet(f *testing.F) {
	for _, s := range magnetSeeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMagnet(s)
		if err != nil {
			return
		}
		if len(m.Trackers) > MaxTrackers || len(m.Peers) > MaxPeers || len(m.Select) > MaxRanges || len(m.Name) > names.Max || m.Length < 0 {
			t.Fatalf("out of bounds: %+v", m)
		}
		if m.Name != "" && names.Check([]byte(m.Name)) != nil {
			t.Fatalf("name %q", m.Name)
		}
		if len(m.InfoHashes()) == 0 {
			t.Fatal("no infohash")
		}
		// Escaping may make it longer than what is read.
		if out := m.String(); len(out) <= MaxMagnet {
			if again, err := ParseMagnet(out); err != nil || !reflect.DeepEqual(m, again) {
				t.Fatalf("%q: got %+v, %v, want %+v", out, again, err, m)
			}
		}
	})
}

// magnetSeeds combines parameters.
func magnetSeeds() []string {
	topics := []string{"xt=urn:btih:" + hex1, "xt=urn:btih:" + base32h, "xt=urn:btmh:1220" + hex2, "xt.1=urn:btih:" + hex1 + "&xt.2=urn:btmh:1220" + hex2}
	params := []string{
		"", "dn=a+b%20c", "dn=..", "dn=%2f%00%ff", "dn=%zz", "tr=udp%3A%2F%2Fa%3A1%2Fannounce", "tr.1=a&tr.2=b", "tr=", "x.pe=1.2.3.4:5", "x.pe=[::1]:6881",
		"x.pe=a", "x.pe=a:0", "xl=5", "xl=-5", "xl=99999999999999999999", "so=0,2,4,6-8", "so=0-99999", "so=2-1", "so=,", "so=", "ws=http://a/", "kt=x&as=y&xs=z",
		"xt=urn:sha1:x", "xt=urn:btih:", "=", "&&", "dn", "DN=x", "dn=x;tr=y", "tr=a&tr=a",
	}
	var all []string
	for _, t := range topics {
		for _, p := range params {
			all = append(all, "magnet:?"+t+"&"+p, "magnet:?"+p+"&"+t)
		}
	}
	return all
}

// FuzzVerifyHashes passes foreign coordinates and hashes.
