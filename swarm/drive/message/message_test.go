package message

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/hashing"
)

func rep(s string, n int) string { return strings.Repeat(s, n) }

func testHead(t testing.TB, n int) catalog.Head {
	t.Helper()
	now := time.Unix(1_700_000_000, 0)
	h, err := catalog.SignHead(catalog.IdentityFromSeed([32]byte{byte(n), 9}), catalog.Salt{}, 7, catalog.Summary{
		Root: catalog.Hash{1}, Time: now, Expires: now.Add(time.Hour), Name: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	if h, err = catalog.ParseHead(h.Append(nil)); err != nil {
		t.Fatal(err)
	}
	return h
}

// golden gives every message with its exact bytes.
func golden(t testing.TB) map[string]struct {
	m    Message
	data string
} {
	k := catalog.Key([]byte(rep("K", 32)))
	h1, h2 := catalog.Hash([]byte(rep("1", 32))), catalog.Hash([]byte(rep("2", 32)))
	v4, v6 := netip.MustParseAddrPort("10.0.0.1:6881"), netip.MustParseAddrPort("[2001:db8::1]:258")
	c6 := "\x20\x01\x0d\xb8" + rep("\x00", 11) + "\x01\x01\x02"
	head := testHead(t, 1)
	return map[string]struct {
		m    Message
		data string
	}{
		"prove": {Prove{2, [32]byte([]byte(rep("M", 32)))}, "d1:m32:" + rep("M", 32) + "1:t5:prove1:vi2ee"},
		"hello of version 1": {Hello{Version: 1, Key: k, Name: "änna", Port: 6881, Sig: [64]byte([]byte(rep("S", 64)))},
			"d1:k32:" + rep("K", 32) + "1:n5:änna1:pi6881e1:s64:" + rep("S", 64) + "1:t5:hello1:vi1ee"},
		"hello": {Hello{2, k, "änna", 6881, [64]byte([]byte(rep("S", 64))), [32]byte([]byte(rep("M", 32))), 1_700_000_000, 1_700_000_000_000_001, true},
			"d1:bi1700000000000001e1:ci1700000000e1:fi1e1:k32:" + rep("K", 32) + "1:m32:" + rep("M", 32) + "1:n5:änna1:pi6881e1:s64:" + rep("S", 64) + "1:t5:hello1:vi2ee"},
		"summary": {Summary{[]catalog.Version{{Key: k, Seq: 258, Age: 259 * time.Second}}, false},
			"d1:h44:" + rep("K", 32) + "\x00\x00\x00\x00\x00\x00\x01\x02\x00\x00\x01\x031:t7:summarye"},
		"summary of many": {Summary{nil, true}, "d1:h0:1:mi1e1:t7:summarye"},
		"heads":           {Heads{Heads: []catalog.Head{head}}, "d1:hl" + string(head.Append(nil)) + "e1:t5:headse"},
		"heads with ages": {Heads{[]catalog.Head{head, head}, []catalog.Told{{Age: 258 * time.Second}, {Age: time.Minute, Met: true}}},
			"d1:a8:\x00\x00\x01\x02\x80\x00\x00\x3c1:hl" + rep(string(head.Append(nil)), 2) + "e1:t5:headse"},
		"get":    {Get{[]catalog.Hash{h1, h2}}, "d1:h64:" + rep("1", 32) + rep("2", 32) + "1:t3:gete"},
		"none":   {None{[]catalog.Hash{h1}}, "d1:h32:" + rep("1", 32) + "1:t4:nonee"},
		"object": {Object{[]byte("data")}, "d1:d4:data1:t6:objecte"},
		"who":    {Who{hashing.Content{Root: h1, Size: 1 << 40}}, "d1:r32:" + rep("1", 32) + "1:si1099511627776e1:t3:whoe"},
		"holds": {Holds{hashing.Content{Root: h1, Size: 5}, []Holder{{Pieces: Pieces{All: true}}, {v4, k, Pieces{Bits: []byte{0x80}}}, {v6, catalog.Key{}, Pieces{All: true}}}},
			"d1:hlded1:a6:\x0a\x00\x00\x01\x1a\xe11:b1:\x801:k32:" + rep("K", 32) + "ed1:a18:" + c6 + "ee1:r32:" + rep("1", 32) + "1:si5e1:t5:holdse"},
		"peers": {Peers{[]Address{{k, v4}, {k, v6}}},
			"d1:al38:" + rep("K", 32) + "\x0a\x00\x00\x01\x1a\xe150:" + rep("K", 32) + c6 + "e1:t5:peerse"},
	}
}

func TestMessagesAgainstTheirBytes(t *testing.T) {
	for name, c := range golden(t) {
		if got := string(c.m.Encode()); got != c.data {
			t.Errorf("%s: wrote %q, want %q", name, got, c.data)
		}
		if m, err := Decode([]byte(c.data)); err != nil || !reflect.DeepEqual(m, c.m) {
			t.Errorf("%s: read %+v, %v, want %+v", name, m, err, c.m)
		}
		for i := range c.data {
			if _, err := Decode([]byte(c.data[:i])); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s cut at %d: %v", name, i, err)
			}
		}
		// A key from a later version changes nothing.
		later := c.data[:len(c.data)-1] + "5:extrali1eee"
		if strings.HasPrefix(c.data, "d1:h") || strings.HasPrefix(c.data, "d1:d") {
			later = "d1:Ai1e" + c.data[1:]
		}
		if m, err := Decode([]byte(later)); err == nil && !reflect.DeepEqual(m, c.m) {
			t.Errorf("%s with another key: read %+v", name, m)
		}
	}
}

func TestDecodeSkipsUnknownTypes(t *testing.T) {
	if m, err := Decode([]byte("d1:t6:futuree")); m != nil || err != nil {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	h := rep("h", 32)
	for name, data := range map[string]string{
		"nothing":               "",
		"no dictionary":         "le",
		"no type":               "de",
		"type a number":         "d1:ti1ee",
		"nested":                rep("l", 100_000) + rep("e", 100_000),
		"nested in a value":     "d1:x" + rep("l", 60) + rep("e", 60) + "1:t3:gete",
		"get without hashes":    "d1:t3:gete",
		"get of none":           "d1:h0:1:t3:gete",
		"get of half a hash":    "d1:h33:" + h + "x1:t3:gete",
		"get of too many":       "d1:h2080:" + rep(h, 65) + "1:t3:gete",
		"none with a number":    "d1:hi1e1:t4:nonee",
		"object too long":       "d1:d16385:" + rep("x", 16385) + "1:t6:objecte",
		"who of a short root":   "d1:r31:" + h[1:] + "1:t3:whoe",
		"holds without a list":  "d1:r32:" + h + "1:t5:holdse",
		"holds with port only":  "d1:hld1:a2:xxee1:r32:" + h + "1:t5:holdse",
		"holds of too many":     "d1:hl" + rep("de", 65) + "e1:r32:" + h + "1:t5:holdse",
		"holds of many bits":    "d1:hl" + rep("d1:b70000:"+rep("x", 70000)+"e", 2) + "e1:r32:" + h + "1:t5:holdse",
		"holder with odd key":   "d1:hld1:k3:abcee1:r32:" + h + "1:t5:holdse",
		"peers without a key":   "d1:al6:abcdefe1:t5:peerse",
		"peers of too many":     "d1:al" + rep("38:"+rep("x", 38), 33) + "e1:t5:peerse",
		"summary cut":           "d1:h39:" + rep("x", 39) + "1:t7:summarye",
		"summary of too many":   "d1:h88044:" + rep("\x00", 88044) + "1:t7:summarye",
		"summary of huge seq":   "d1:h44:" + rep("\xff", 44) + "1:t7:summarye",
		"summary with m of 2":   "d1:h0:1:mi2e1:t7:summarye",
		"heads of junk":         "d1:hldee1:t5:headse",
		"heads of odd ages":     "d1:a3:xxx1:hle1:t5:headse",
		"ages without heads":    "d1:a4:xxxx1:hle1:t5:headse",
		"heads no list":         "d1:h0:1:t5:headse",
		"hello without a proof": "d1:bi1e1:ci1e1:k32:" + h + "1:n1:a1:pi1e1:s64:" + rep("s", 64) + "1:t5:hello1:vi2ee",
		"hello without a time":  "d1:bi1e1:k32:" + h + "1:m32:" + h + "1:n1:a1:pi1e1:s64:" + rep("s", 64) + "1:t5:hello1:vi2ee",
		"hello of year 10000":   "d1:bi1e1:ci253402300800e1:k32:" + h + "1:m32:" + h + "1:n1:a1:pi1e1:s64:" + rep("s", 64) + "1:t5:hello1:vi2ee",
		"proof of 31 bytes":     "d1:m31:" + h[1:] + "1:t5:prove1:vi2ee",
		"hello without a key":   "d1:n1:a1:pi1e1:s64:" + rep("s", 64) + "1:t5:hello1:vi1ee",
		"hello of odd name":     "d1:k32:" + h + "1:n1:/1:pi1e1:s64:" + rep("s", 64) + "1:t5:hello1:vi1ee",
		"hello of port 65536":   "d1:k32:" + h + "1:n1:a1:pi65536e1:s64:" + rep("s", 64) + "1:t5:hello1:vi1ee",
		"hello of port -1":      "d1:k32:" + h + "1:n1:a1:pi-1e1:s64:" + rep("s", 64) + "1:t5:hello1:vi1ee",
		"too long":              "d1:d" + fmt.Sprint(MaxBody) + ":" + rep("x", MaxBody) + "1:t6:objecte",
	} {
		if m, err := Decode([]byte(data)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: read %+v, %v", name, m, err)
		}
	}
}

// A message of the greatest permitted numbers must fit.
func TestLargestMessagesFit(t *testing.T) {
	var full []Message
	var sum Summary
	for range MaxVersions {
		sum.Versions = append(sum.Versions, catalog.Version{})
	}
	hs := Heads{}
	for range MaxHeads {
		hs.Heads, hs.Told = append(hs.Heads, testHead(t, 1)), append(hs.Told, catalog.Told{Met: true})
	}
	ho := Holds{File: hashing.Content{Size: catalog.MaxSize}}
	for range MaxHolders {
		ho.Holders = append(ho.Holders, Holder{
			netip.MustParseAddrPort("[2001:db8::1]:1"), catalog.Key{1}, Pieces{Bits: make([]byte, MaxBits/MaxHolders)}})
	}
	full = append(full, sum, hs, ho, Get{make([]catalog.Hash, MaxHashes)}, Object{make([]byte, catalog.MaxObject)})
	for _, m := range full {
		data := m.Encode()
		if _, err := Decode(data); err != nil {
			t.Errorf("%T of %d bytes: %v", m, len(data), err)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil || m == nil {
			if err != nil && !errors.Is(err, ErrMalformed) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		again, err := Decode(m.Encode())
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v, written and read, became %+v, %v", m, again, err)
		}
	})
}

// TestCorpus checks that the seed corpus is there; with P2PFS_CORPUS set it
// writes it.
func TestCorpus(t *testing.T) {
	dir := filepath.Join("testdata", "fuzz", "FuzzMessage")
	if os.Getenv("P2PFS_CORPUS") != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewSource(3))
		for name, c := range golden(t) {
			for i := range 12 {
				data := []byte(c.data)
				if at := rng.Intn(len(data)); i > 0 {
					switch i % 4 {
					case 0:
						data[at] ^= 1 << rng.Intn(8)
					case 1:
						data[at] = "0123456789:deil-"[rng.Intn(16)]
					case 2:
						data = append(data[:at:at], data[at+rng.Intn(len(data)-at):]...)
					case 3:
						data = bytes.Join([][]byte{data[:at], data[at:]}, []byte(rep("l", rng.Intn(99))))
					}
				}
				text := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", data)
				path := filepath.Join(dir, fmt.Sprintf("%s-%02d", strings.ReplaceAll(name, " ", "-"), i))
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if files, _ := os.ReadDir(dir); len(files) < 100 {
		t.Errorf("%d seeds, want at least 100", len(files))
	}
}
