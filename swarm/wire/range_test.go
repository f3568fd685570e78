package wire

import (
	"errors"
	"math"
	"testing"

	"p2pfs/swarm/hashing"
)

func TestNumbersOutOfRangeAreRefused(t *testing.T) {
	root := someHash
	tests := []struct {
		name string
		read func([]byte) (any, error)
		p    string
	}{
		{"have 2^31", as(ParseHave), "80000000"},
		{"have 2^32-1", as(ParseHave), "ffffffff"},
		{"suggest 2^31", as(ParseSuggest), "80000000"},
		{"allowed fast 2^31", as(ParseAllowedFast), "80000000"},
		{"lt_donthave 2^31", as(ParseDontHave), "80000000"},
		{"request: index 2^31", as(ParseRequest), "80000000 00000000 00004000"},
		{"request: begin 2^31", as(ParseRequest), "00000000 80000000 00004000"},
		{"request: length 0", as(ParseRequest), "00000000 00000000 00000000"},
		{"request: length 128 KiB + 1", as(ParseRequest), "00000000 00000000 00020001"},
		{"request: length 2^32-1", as(ParseRequest), "00000000 00000000 ffffffff"},
		{"request: end 2^31", as(ParseRequest), "00000000 7fffc000 00004000"},
		{"request: sum wraps", as(ParseRequest), "00000000 ffffc000 00004000"},
		{"cancel: length 0", as(ParseCancel), "00000000 00000000 00000000"},
		{"reject: sum wraps", as(ParseReject), "00000000 ffffffff 00004000"},
		{"hash request: base 64", as(ParseHashRequest), root + "00000040 00000000 00000002 00000000"},
		{"hash request: base 2^31", as(ParseHashRequest), root + "80000000 00000000 00000002 00000000"},
		{"hash request: index odd", as(ParseHashRequest), root + "00000000 00000001 00000002 00000000"},
		{"hash request: index 2^31", as(ParseHashRequest), root + "00000000 80000000 00000002 00000000"},
		{"hash request: length 0", as(ParseHashRequest), root + "00000000 00000000 00000000 00000000"},
		{"hash request: length 1", as(ParseHashRequest), root + "00000000 00000000 00000001 00000000"},
		{"hash request: length 3", as(ParseHashRequest), root + "00000000 00000000 00000003 00000000"},
		{"hash request: length 1024", as(ParseHashRequest), root + "00000000 00000000 00000400 00000000"},
		{"hash request: length 2^31", as(ParseHashRequest), root + "00000000 00000000 80000000 00000000"},
		{"hash request: proof 65", as(ParseHashRequest), root + "00000000 00000000 00000002 00000041"},
		{"hash reject: length 1", as(ParseHashReject), root + "00000000 00000000 00000001 00000000"},
		{"hashes: length 3", readHashes, root + "00000000 00000000 00000003 00000000"},
	}
	for _, tt := range tests {
		if got, err := tt.read(unhex(t, tt.p)); !errors.Is(err, ErrRange) {
			t.Errorf("%s: got %v, %v, want %v", tt.name, got, err, ErrRange)
		}
	}
}

func TestParseHashRequestKeepsWhatItRefuses(t *testing.T) {
	want := hashing.HashRequest{Root: filled(0xab), Index: 3, Length: 1024, ProofLayers: 9}
	got, err := ParseHashRequest(AppendHashRequest(nil, want)[5:])
	if !errors.Is(err, ErrRange) || got != want {
		t.Errorf("got %v, %v, want %v and %v", got, err, want, ErrRange)
	}
}

func TestParsePieceHeader(t *testing.T) {
	tests := []struct {
		p    string
		n    int
		want Block
		err  error
	}{
		{"00000001 00008000", 1, Block{1, 0x8000, 1}, nil},
		{"00000001 00008000", hashing.BlockSize, Block{1, 0x8000, hashing.BlockSize}, nil},
		{"00000001 00008000", hashing.BlockSize + 1, Block{}, ErrLength},
		{"00000001 00008000", 0, Block{}, ErrLength},
		{"00000001 00008000", -8, Block{}, ErrLength},
		{"80000000 00008000", 1, Block{}, ErrRange},
		{"00000001 80000000", 1, Block{}, ErrRange},
		{"00000001 7fffffff", 1, Block{}, ErrRange},
		{"00000001 ffffffff", 2, Block{}, ErrRange},
		{"00000001 000080", 1, Block{}, ErrLength},
	}
	for _, tt := range tests {
		got, err := ParsePieceHeader(unhex(t, tt.p), tt.n)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("ParsePieceHeader(%s, %d): got %v, %v, want %v, %v", tt.p, tt.n, got, err, tt.want, tt.err)
		}
	}
}

func TestMaxPayload(t *testing.T) {
	tests := []struct {
		id     byte
		pieces int
		want   int
	}{
		{MsgChoke, 0, 0}, {MsgUnchoke, 0, 0}, {MsgInterested, 9, 0}, {MsgNotInterested, 0, 0},
		{MsgHaveAll, 0, 0}, {MsgHaveNone, 0, 0},
		{MsgHave, 0, 4}, {MsgSuggest, 0, 4}, {MsgAllowedFast, 0, 4},
		{MsgRequest, 0, 12}, {MsgCancel, 0, 12}, {MsgReject, 0, 12},
		{MsgPort, 0, 2},
		{MsgPiece, 0, 16<<10 + 8},
		{MsgBitfield, 0, 1 << 17}, {MsgBitfield, 1, 1}, {MsgBitfield, 8, 1}, {MsgBitfield, 9, 2},
		{MsgExtended, 0, 1 << 20},
		{MsgHashRequest, 0, 48}, {MsgHashReject, 0, 48}, {MsgHashes, 0, 48 + 32*(512+64)},
		{10, 0, 1 << 20}, {255, 0, 1 << 20},
	}
	for _, tt := range tests {
		lim := Limits{Pieces: tt.pieces}
		if got := MaxPayload(tt.id, lim); got != tt.want {
			t.Errorf("MaxPayload(%s, %d pieces): got %d, want %d", Name(tt.id), tt.pieces, got, tt.want)
		}
		if err := CheckLength(tt.id, int64(tt.want), lim); err != nil {
			t.Errorf("CheckLength(%s, %d): %v", Name(tt.id), tt.want, err)
		}
		for _, n := range []int64{int64(tt.want) + 1, math.MaxUint32, math.MaxUint32 - 1, -1, math.MinInt64} {
			if err := CheckLength(tt.id, n, lim); !errors.Is(err, ErrTooLong) {
				t.Errorf("CheckLength(%s, %d): got %v, want %v", Name(tt.id), n, err, ErrTooLong)
			}
		}
	}
}

func TestUncles(t *testing.T) {
	tests := []struct{ length, proof, want int }{
		{2, 0, 0}, {2, 1, 1}, {2, 5, 5}, {4, 0, 0}, {4, 1, 0}, {4, 2, 1}, {4, 3, 2},
		{512, 8, 0}, {512, 9, 1}, {512, 64, 56},
	}
	for _, tt := range tests {
		r := hashing.HashRequest{Length: tt.length, ProofLayers: tt.proof}
		if got := r.Uncles(); got != tt.want {
			t.Errorf("Uncles of length %d, %d proof layers: got %d, want %d", tt.length, tt.proof, got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	for id, want := range map[byte]string{MsgChoke: "choke", MsgHashReject: "hash reject", 10: "message 10", 200: "message 200"} {
		if got := Name(id); got != want {
			t.Errorf("Name(%d): got %q, want %q", id, got, want)
		}
		if got := Known(id); got != (want[0] != 'm') {
			t.Errorf("Known(%d): got %v", id, got)
		}
	}
}
