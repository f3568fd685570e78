package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/bits-and-blooms/bitset"
)

// unhex reads hex digits, spaces between them left out.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(s), []byte(" "), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAllowedFastSetIsThatOfBEP6(t *testing.T) {
	var infoHash [20]byte
	for i := range infoHash {
		infoHash[i] = 0xaa
	}
	ip := netip.MustParseAddr("80.4.4.200")
	want := []int{1059, 431, 808, 1217, 287, 376, 1188, 353, 508}
	for _, k := range []int{7, 9} {
		if got := AllowedFastSet(ip, infoHash, 1313, k); !slices.Equal(got, want[:k]) {
			t.Errorf("AllowedFastSet(k=%d): got %v, want %v", k, got, want[:k])
		}
	}
}

func TestAllowedFastSetEdges(t *testing.T) {
	v4 := netip.MustParseAddr("80.4.4.200")
	tests := []struct {
		ip        netip.Addr
		pieces, k int
		want      []int
	}{
		{v4, 3, 10, []int{0, 1, 2}},
		{v4, 1, 1, []int{0}},
		{v4, 0, 10, nil},
		{v4, 10, 0, nil},
		{v4, -1, -1, nil},
		{netip.MustParseAddr("2001:db8::1"), 10, 3, nil},
		{netip.Addr{}, 10, 3, nil},
	}
	for _, tt := range tests {
		if got := AllowedFastSet(tt.ip, [20]byte{}, tt.pieces, tt.k); !slices.Equal(got, tt.want) {
			t.Errorf("AllowedFastSet(%v, %d, %d): got %v, want %v", tt.ip, tt.pieces, tt.k, got, tt.want)
		}
	}
	mapped := netip.MustParseAddr("::ffff:80.4.4.200")
	if got, want := AllowedFastSet(mapped, [20]byte{}, 100, 5), AllowedFastSet(v4, [20]byte{}, 100, 5); !slices.Equal(got, want) {
		t.Errorf("mapped address: got %v, want %v", got, want)
	}
}

func TestBitfield(t *testing.T) {
	tests := []struct {
		n    int
		bits []uint
		want string
	}{
		{0, nil, "00000001 05"},
		{1, []uint{0}, "00000002 05 80"},
		{8, []uint{0, 7}, "00000002 05 81"},
		{9, []uint{8}, "00000003 05 0080"},
		{12, []uint{1, 11}, "00000003 05 4010"},
		{64, []uint{63}, "00000009 05 0000000000000001"},
		{65, []uint{0, 64}, "0000000a 05 800000000000000080"},
		{10, nil, "00000003 05 0000"},
	}
	for _, tt := range tests {
		set := bitset.New(uint(tt.n))
		for _, b := range tt.bits {
			set.Set(b)
		}
		got := AppendBitfield(nil, set, tt.n)
		if want := unhex(t, tt.want); !bytes.Equal(got, want) {
			t.Errorf("AppendBitfield(%v of %d): got %x, want %x", tt.bits, tt.n, got, want)
		}
		back, err := ParseBitfield(got[5:], tt.n)
		if err != nil || !back.Equal(set) {
			t.Errorf("ParseBitfield(%x, %d): got %v, %v, want %v", got[5:], tt.n, back, err, set)
		}
	}
}

func TestBitfieldLeavesOutBitsBehindTheLastPiece(t *testing.T) {
	set := bitset.New(200).FlipRange(0, 200)
	got := AppendBitfield(nil, set, 10)
	if want := unhex(t, "00000003 05 ffc0"); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	if got, want := AppendBitfield(nil, nil, 10), unhex(t, "00000003 05 0000"); !bytes.Equal(got, want) {
		t.Errorf("nil set: got %x, want %x", got, want)
	}
}

func TestParseBitfieldRefuses(t *testing.T) {
	tests := []struct {
		p    string
		n    int
		want error
	}{
		{"", 1, ErrLength},
		{"0000", 8, ErrLength},
		{"00", 9, ErrLength},
		{"00", 0, ErrLength},
		{"", -1, ErrLength},
		{"01", 7, ErrSpareBits},
		{"0040", 9, ErrSpareBits},
		{"007f", 9, ErrSpareBits},
	}
	for _, tt := range tests {
		if set, err := ParseBitfield(unhex(t, tt.p), tt.n); !errors.Is(err, tt.want) {
			t.Errorf("ParseBitfield(%s, %d): got %v, %v, want %v", tt.p, tt.n, set, err, tt.want)
		}
	}
}
