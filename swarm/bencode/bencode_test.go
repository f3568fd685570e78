package bencode

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// checkTests are inputs and the reason they are refused for; nil: accepted.
var checkTests = []struct {
	in   string
	want error
}{
	{"i0e", nil}, {"i-1e", nil}, {"i10e", nil}, {"le", nil}, {"de", nil}, {"0:", nil}, {"4:spam", nil},
	{"i9223372036854775807e", nil}, {"i-9223372036854775808e", nil},
	{"l4:spam4:eggse", nil}, {"d3:cow3:moo4:spam4:eggse", nil}, {"d4:spaml1:a1:bee", nil},
	{"d0:0:1:a0:e", nil}, {"d1:a0:2:aa0:1:b0:e", nil}, {"d1:\xff0:e", nil}, {"llleleee", nil},
	{"d1:ad1:ai1eee", nil}, {"ld1:ai1eed1:ai1eee", nil},

	{"", ErrTruncated}, {"i", ErrTruncated}, {"i1", ErrTruncated}, {"i-", ErrTruncated}, {"l", ErrTruncated},
	{"d", ErrTruncated}, {"d1:a", ErrTruncated}, {"d1:a0:", ErrTruncated}, {"1", ErrTruncated}, {"1:", ErrTruncated},
	{"2:a", ErrTruncated}, {"4294967296:", ErrTruncated}, {"99999999999999999999:a", ErrTruncated}, {"lli1ee", ErrTruncated},
	{"e", ErrInvalid}, {"x", ErrInvalid}, {"-1:a", ErrInvalid}, {"ie", ErrInvalid}, {"i-e", ErrInvalid}, {"i1x", ErrInvalid},
	{"i+1e", ErrInvalid}, {"i 1e", ErrInvalid}, {"i1.0e", ErrInvalid}, {"i--1e", ErrInvalid}, {"1x", ErrInvalid}, {":", ErrInvalid},
	{"di1e0:e", ErrInvalid}, {"dlee", ErrInvalid}, {"d1:ae", ErrInvalid}, {"d1:a0:1:be", ErrInvalid}, {"lx", ErrInvalid}, {" i1e", ErrInvalid},
	{"i00e", ErrCanonical}, {"i01e", ErrCanonical}, {"i-0e", ErrCanonical}, {"i-01e", ErrCanonical},
	{"00:", ErrCanonical}, {"01:a", ErrCanonical}, {"d01:a0:e", ErrCanonical},
	{"i9223372036854775808e", ErrOverflow}, {"i-9223372036854775809e", ErrOverflow}, {"i18446744073709551616e", ErrOverflow},
	{"i99999999999999999999e", ErrOverflow}, {"i-99999999999999999999999e", ErrOverflow},
	{"d1:b0:1:a0:e", ErrUnsorted}, {"d2:aa0:1:a0:e", ErrUnsorted}, {"d1:a0:0:0:e", ErrUnsorted}, {"ld1:b0:1:a0:ee", ErrUnsorted},
	{"d1:a0:1:a0:e", ErrDuplicate}, {"d0:0:0:0:e", ErrDuplicate}, {"d1:ad1:b0:1:b0:ee", ErrDuplicate},
	{"i1ei1e", ErrTrailing}, {"lee", ErrTrailing}, {"0:\n", ErrTrailing}, {"4:spams", ErrTrailing},
}

func TestCheck(t *testing.T) {
	for _, c := range checkTests {
		err := Check([]byte(c.in), Limits{})
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("Check(%q): got %v, want %v", c.in, err, c.want)
		}
		var syntax *SyntaxError
		if err != nil && (!errors.As(err, &syntax) || syntax.Offset > len(c.in)) {
			t.Errorf("Check(%q): %#v is no SyntaxError within the input", c.in, err)
		}
	}
}

// TestTruncations cuts every accepted value everywhere.
func TestTruncations(t *testing.T) {
	for _, c := range checkTests {
		if c.want != nil {
			continue
		}
		for i := range c.in {
			if err := Check([]byte(c.in[:i]), Limits{}); !errors.Is(err, ErrTruncated) {
				t.Errorf("Check(%q): got %v, want ErrTruncated", c.in[:i], err)
			}
		}
	}
}

func TestPrefix(t *testing.T) {
	for _, c := range checkTests {
		if c.want != nil {
			continue
		}
		for _, tail := range []string{"", "e", "x", "i1", "\x00\xff", "d1:a"} {
			n, err := Prefix([]byte(c.in+tail), Limits{})
			if n != len(c.in) || err != nil {
				t.Errorf("Prefix(%q): got %d, %v, want %d", c.in+tail, n, err, len(c.in))
			}
		}
	}
	if n, err := Prefix([]byte("d8:msg_typei1e5:piecei0e10:total_sizei34256eemetadata"), Limits{}); n != 45 || err != nil {
		t.Errorf("BEP 9 data: got %d, %v", n, err)
	}
}

func TestLimits(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("l", n) + strings.Repeat("e", n) }
	for _, c := range []struct {
		name string
		in   string
		lim  Limits
		ok   bool
	}{
		{"depth 64", deep(64), Limits{}, true},
		{"depth 65", deep(65), Limits{}, false},
		{"depth 65 of 100", deep(65), Limits{Depth: 100}, true},
		{"depth 100 of 100", deep(100), Limits{Depth: 100}, true},
		{"depth 101 of 100", deep(101), Limits{Depth: 100}, false},
		{"dictionaries", strings.Repeat("d0:", 65) + "0:" + strings.Repeat("e", 65), Limits{}, false},
		{"100 000 tokens", "l" + strings.Repeat("0:", 99_999) + "e", Limits{}, true},
		{"100 001 tokens", "l" + strings.Repeat("0:", 100_000) + "e", Limits{}, false},
		{"tokens of a dictionary", "d0:0:e", Limits{Tokens: 3}, true},
		{"one too many", "d0:0:e", Limits{Tokens: 2}, false},
		{"16 MiB", fmt.Sprintf("%d:%s", 16<<20-9, make([]byte, 16<<20-9)), Limits{}, true},
		{"16 MiB and 1", fmt.Sprintf("%d:%s", 16<<20-8, make([]byte, 16<<20-8)), Limits{}, false},
		{"bytes", "4:spam", Limits{Bytes: 6}, true},
		{"a byte too many", "4:spam", Limits{Bytes: 5}, false},
		{"integer at the limit", "i12e", Limits{Bytes: 4}, true},
		{"integer beyond it", "i123e", Limits{Bytes: 4}, false},
	} {
		err := Check([]byte(c.in), c.lim)
		if c.ok && err != nil || !c.ok && !errors.Is(err, ErrLimit) {
			t.Errorf("%s: got %v, want ok %v", c.name, err, c.ok)
		}
		if _, err := Prefix([]byte(c.in), c.lim); c.ok && err != nil || !c.ok && !errors.Is(err, ErrLimit) {
			t.Errorf("%s: Prefix: got %v, want ok %v", c.name, err, c.ok)
		}
	}
}

func TestAllowUnsorted(t *testing.T) {
	for in, want := range map[string]error{
		"d1:b0:1:a0:e":                  nil,
		"d1:c0:1:a0:1:b0:e":             nil,
		"d1:bd1:z0:1:y0:e1:ale1:c0:e":   nil,
		"d1:b0:1:a0:1:b0:e":             ErrDuplicate,
		"d1:a0:1:a0:e":                  ErrDuplicate,
		"ld1:bd1:z0:1:y0:1:z0:e1:a0:ee": ErrDuplicate,
		"d1:b0:1:a0:":                   ErrTruncated,
	} {
		err := Check([]byte(in), Limits{AllowUnsorted: true})
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%q: got %v, want %v", in, err, want)
		}
	}
}

// TestHostile passes inputs that end a process through zeebo alone.
func TestHostile(t *testing.T) {
	for name, in := range map[string]string{
		"16 MiB of l":       strings.Repeat("l", 16<<20),
		"16 MiB of d0:":     strings.Repeat("d0:", 5<<20),
		"length of 2 GiB":   "2147483647:ab",
		"in a list":         "l2147483647:abe",
		"a megabyte number": "i" + strings.Repeat("1", 1<<20) + "e",
		"a megabyte length": strings.Repeat("1", 1<<20) + ":",
		"zeros":             strings.Repeat("0", 1<<20) + ":",
	} {
		var v any
		if err := Unmarshal([]byte(in), &v, Limits{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestCheckAllocates(t *testing.T) {
	good := []byte("d1:ad1:bl" + strings.Repeat("i1e3:abc", 1000) + "eee")
	bad := []byte(strings.Repeat("l", 1<<16))
	if n := testing.AllocsPerRun(10, func() { Check(good, Limits{}) }); n != 0 {
		t.Errorf("a good value: %v allocations", n)
	}
	if n := testing.AllocsPerRun(10, func() { Check(bad, Limits{}) }); n > 2 {
		t.Errorf("a bad value: %v allocations", n)
	}
}

func TestUnmarshal(t *testing.T) {
	var v struct {
		M    map[string]int64 `bencode:"m"`
		V    string           `bencode:"v"`
		Size int64            `bencode:"metadata_size"`
		Raw  RawMessage       `bencode:"raw"`
	}
	in := "d1:md11:ut_metadatai3ee13:metadata_sizei31235e3:rawd1:xlee1:v5:p2pfse"
	if err := Unmarshal([]byte(in), &v, Limits{}); err != nil {
		t.Fatal(err)
	}
	if v.M["ut_metadata"] != 3 || v.V != "p2pfs" || v.Size != 31235 || string(v.Raw) != "d1:xlee" {
		t.Errorf("got %+v", v)
	}
	out, err := Marshal(v)
	if err != nil || string(out) != in {
		t.Errorf("Marshal: got %q, %v, want %q", out, err, in)
	}
	if err := Unmarshal([]byte("d1:vi1ee"), &v, Limits{}); err == nil {
		t.Error("an integer was stored into a string")
	}
	if err := Unmarshal([]byte("d1:v0:e "), &v, Limits{}); !errors.Is(err, ErrTrailing) {
		t.Errorf("got %v, want ErrTrailing", err)
	}
}

func TestMarshal(t *testing.T) {
	for want, v := range map[string]any{
		"i-5e":                      -5,
		"3:abc":                     []byte("abc"),
		"l1:a1:be":                  []string{"a", "b"},
		"d1:ai1e2:aai2e1:bi3ee":     map[string]int{"b": 3, "aa": 2, "a": 1},
		"d0:d6:lengthi1eee":         map[string]any{"": map[string]any{"length": int64(1)}},
		"d4:infod1:ai1ee4:name1:xe": map[string]any{"name": "x", "info": RawMessage("d1:ai1ee")},
	} {
		got, err := Marshal(v)
		if err != nil || string(got) != want {
			t.Errorf("Marshal(%v): got %q, %v, want %q", v, got, err, want)
		}
	}
	var none *int
	for _, v := range []any{
		nil, none, 1.5, uint64(1 << 63), RawMessage(nil), RawMessage("x"), RawMessage("d1:b0:1:a0:e"),
		struct{ R RawMessage }{}, map[string]any{"a": RawMessage("")},
	} {
		if got, err := Marshal(v); err == nil {
			t.Errorf("Marshal(%#v): got %q, want an error", v, got)
		}
	}
}

func TestCursor(t *testing.T) {
	in := []byte("d1:ai-7e1:bl1:xi1eled0:0:ee1:c3:raw1:dd1:e4:deepee")
	c, err := NewCursor(in, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = c.Dict(func(key []byte) error {
		switch string(key) {
		case "a":
			n, err := c.Int()
			got = append(got, fmt.Sprint(n))
			return err
		case "b":
			return c.List(func() error {
				got = append(got, string(rune(c.Kind())))
				return nil
			})
		case "d":
			sub := c.Sub()
			return sub.Dict(func(key []byte) error {
				b, err := sub.Bytes()
				got = append(got, string(key)+string(b))
				return err
			})
		}
		return nil
	})
	if want := "[-7 s i l d edeep]"; err != nil || fmt.Sprint(got) != want || c.Kind() != End {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if c, _ = NewCursor(in, Limits{}); !bytes.Equal(c.Raw(), in) {
		t.Error("Raw is not the whole")
	}
}

func TestCursorTypes(t *testing.T) {
	stop := errors.New("stop")
	for _, in := range []string{"i1e", "1:a", "le", "de"} {
		c, err := NewCursor([]byte(in), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		kind, wrong := c.Kind(), 0
		var typeErr *TypeError
		for _, read := range []func() error{
			func() error { _, err := Walk([]byte(in)).Int(); return err },
			func() error { _, err := Walk([]byte(in)).Bytes(); return err },
			func() error { return Walk([]byte(in)).List(func() error { return stop }) },
			func() error { return Walk([]byte(in)).Dict(func([]byte) error { return stop }) },
		} {
			if err := read(); errors.As(err, &typeErr) && typeErr.Got == kind {
				wrong++
			}
		}
		if wrong != 3 {
			t.Errorf("%q: %d readers of four refuse it", in, wrong)
		}
	}
	for _, in := range []string{"li1ei2ee", "d1:ai1e1:bi2ee"} {
		n := 0
		f := func() error { n++; return stop }
		c := Walk([]byte(in))
		if c.Kind() == List {
			if err := c.List(f); err != stop {
				t.Errorf("%q: got %v", in, err)
			}
		} else if err := c.Dict(func([]byte) error { return f() }); err != stop {
			t.Errorf("%q: got %v", in, err)
		}
		if n != 1 {
			t.Errorf("%q: %d calls after an error", in, n)
		}
	}
}

func TestAppend(t *testing.T) {
	b := append(AppendInt([]byte("d"), -7), 'e')
	if b = AppendString(AppendString(b, "key"), []byte{1, 2}); string(b) != "di-7ee3:key2:\x01\x02" {
		t.Errorf("got %q", b)
	}
}
