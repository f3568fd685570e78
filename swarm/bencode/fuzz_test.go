package bencode

import (
	"bytes"
	"errors"
	"testing"
)

// addSeeds adds the inputs of the tests, alone, nested and joined.
func addSeeds(f *testing.F) {
	n := 0
	for _, c := range checkTests {
		for _, s := range []string{c.in, "l" + c.in + "e", "d1:a" + c.in + "1:b" + c.in + "e"} {
			f.Add([]byte(s))
			n++
		}
	}
	f.Add([]byte("d8:msg_typei1e5:piecei0e10:total_sizei34256eemetadata"))
	f.Add([]byte("d1:md11:ut_metadatai3e6:ut_pexi1ee13:metadata_sizei31235e4:reqqi250e1:v5:p2pfs6:yourip4:\x7f\x00\x00\x01e"))
	f.Add(bytes.Repeat([]byte("l"), 100))
	f.Add(bytes.Repeat([]byte("d0:"), 100))
	f.Add(bytes.Repeat([]byte("0:"), 300))
	if n < 100 {
		f.Fatalf("%d seeds", n)
	}
}

// FuzzCheck holds Check against zeebo: what passes is decoded by zeebo, and
// encoded again to the same bytes.
func FuzzCheck(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		err := Check(data, Limits{})
		n, perr := Prefix(data, Limits{})
		if (err == nil) != (perr == nil && n == len(data)) {
			t.Fatalf("Check says %v, Prefix %d, %v", err, n, perr)
		}
		if loose := Check(data, Limits{AllowUnsorted: true}); (loose == nil) != (err == nil) && !errors.Is(err, ErrUnsorted) {
			t.Fatalf("got %v, with AllowUnsorted %v", err, loose)
		}
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(data) {
				t.Fatalf("error %#v", err)
			}
			return
		}
		var v any
		if err := Unmarshal(data, &v, Limits{}); err != nil {
			t.Fatalf("zeebo refuses %q: %v", data, err)
		}
		out, err := Marshal(v)
		if err != nil || !bytes.Equal(out, data) {
			t.Fatalf("%q became %q, %v", data, out, err)
		}
		if got := walk(t, Walk(data)); !bytes.Equal(got, data) {
			t.Fatalf("%q walked as %q", data, got)
		}
	})
}

// walk reads a value through a cursor and encodes it again.
func walk(t *testing.T, c *Cursor) []byte {
	var out []byte
	switch c.Kind() {
	case Int:
		n, err := c.Int()
		b, err2 := Marshal(n)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		return b
	case String:
		s, err := c.Bytes()
		b, err2 := Marshal(string(s))
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		return b
	case List:
		out = append(out, 'l')
		if err := c.List(func() error { out = append(out, walk(t, c)...); return nil }); err != nil {
			t.Fatal(err)
		}
	case Dict:
		out = append(out, 'd')
		err := c.Dict(func(key []byte) error {
			k, err := Marshal(string(key))
			out = append(append(out, k...), walk(t, c.Sub())...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("kind %q", byte(c.Kind()))
	}
	return append(out, 'e')
}

// FuzzUnmarshal decodes into what the rest of the program decodes into.
func FuzzUnmarshal(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		var v struct {
			A    int64            `bencode:"a"`
			B    string           `bencode:"b"`
			M    map[string]int64 `bencode:"m"`
			Raw  RawMessage       `bencode:"r"`
			List []RawMessage     `bencode:"l"`
			Sub  *struct {
				A []byte `bencode:"a"`
			} `bencode:"s"`
		}
		for _, lim := range []Limits{{}, {AllowUnsorted: true}, {Depth: 3, Tokens: 10, Bytes: 50}} {
			if err := Unmarshal(data, &v, lim); err == nil && Check(data, lim) != nil {
				t.Fatalf("%q was decoded unchecked", data)
			}
		}
	})
}
