package wire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// TestMetadataIsItsBytes has the examples of BEP 9.
func TestMetadataIsItsBytes(t *testing.T) {
	data := bytes.Repeat([]byte("x"), 3425)
	tests := []struct {
		m    Metadata
		body string
	}{
		{Metadata{Type: MetadataRequest}, "d8:msg_typei0e5:piecei0ee"},
		{Metadata{Type: MetadataRequest, Piece: 1023}, "d8:msg_typei0e5:piecei1023ee"},
		{Metadata{Type: MetadataData, TotalSize: 3425, Data: data}, "d8:msg_typei1e5:piecei0e10:total_sizei3425ee" + string(data)},
		{Metadata{Type: MetadataReject}, "d8:msg_typei2e5:piecei0ee"},
	}
	for _, tt := range tests {
		body := extendedBody(t, AppendMetadata(nil, 3, tt.m), 3)
		if string(body) != tt.body {
			t.Errorf("wrote %q, want %q", body, tt.body)
		}
		got, err := ParseMetadata(body)
		if err != nil || !reflect.DeepEqual(got, tt.m) {
			t.Errorf("%.60q: read %v, %v, want %v", body, got, err, tt.m)
		}
	}
}

func TestMetadataTruncated(t *testing.T) {
	for _, m := range []Metadata{
		{Type: MetadataRequest, Piece: 3},
		{Type: MetadataData, Piece: 1, TotalSize: MetadataPiece + 20, Data: make([]byte, 20)},
		{Type: MetadataReject, Piece: 3},
	} {
		body := extendedBody(t, AppendMetadata(nil, 3, m), 3)
		for n := range len(body) {
			if got, err := ParseMetadata(body[:n]); err == nil {
				t.Errorf("type %d, first %d of %d bytes: got %v", m.Type, n, len(body), got)
			}
		}
		if got, err := ParseMetadata(append(bytes.Clone(body), 0)); !errors.Is(err, ErrLength) {
			t.Errorf("type %d, a byte too many: got %v, %v, want %v", m.Type, got, err, ErrLength)
		}
	}
}

func TestParseMetadata(t *testing.T) {
	kib16 := strings.Repeat("x", MetadataPiece)
	tests := []struct {
		name, body string
		want       Metadata
		err        error
	}{
		{"keys out of order", "d5:piecei4e8:msg_typei0ee", Metadata{Piece: 4}, nil},
		{"unknown key", "d1:ali1ee8:msg_typei0e5:piecei4ee", Metadata{Piece: 4}, nil},
		{"unknown type", "d8:msg_typei3e5:piecei4eeabc", Metadata{Type: 3}, nil},
		{"unknown large type", "d8:msg_typei9223372036854775807eeabc", Metadata{Type: 3}, nil},
		{"negative type", "d8:msg_typei-7ee", Metadata{Type: -1}, nil},
		{"size not told", "d8:msg_typei1e5:piecei7eeabc", Metadata{Type: 1, Piece: 7, Data: []byte("abc")}, nil},
		{"last whole", fmt.Sprintf("d8:msg_typei1e5:piecei1e10:total_sizei32768ee%s", kib16),
			Metadata{Type: 1, Piece: 1, TotalSize: 32768, Data: []byte(kib16)}, nil},
		{"empty", "", Metadata{}, ErrSyntax},
		{"list", "le", Metadata{}, ErrSyntax},
		{"type missing", "d5:piecei4ee", Metadata{}, ErrSyntax},
		{"type a string", "d8:msg_type1:0e", Metadata{}, ErrSyntax},
		{"piece missing", "d8:msg_typei0ee", Metadata{}, ErrSyntax},
		{"piece a list", "d8:msg_typei0e5:piecelee", Metadata{}, ErrSyntax},
		{"piece negative", "d8:msg_typei0e5:piecei-1ee", Metadata{}, ErrRange},
		{"piece 1024", "d8:msg_typei0e5:piecei1024ee", Metadata{}, ErrRange},
		{"piece 2^63-1", "d8:msg_typei1e5:piecei9223372036854775807e10:total_sizei1eex", Metadata{}, ErrRange},
		{"size zero", "d8:msg_typei1e5:piecei0e10:total_sizei0eex", Metadata{}, ErrRange},
		{"size negative", "d8:msg_typei1e5:piecei0e10:total_sizei-1eex", Metadata{}, ErrRange},
		{"size huge", "d8:msg_typei1e5:piecei0e10:total_sizei16777217eex", Metadata{}, ErrRange},
		{"size a string", "d8:msg_typei1e5:piecei0e10:total_size1:1ex", Metadata{}, ErrRange},
		{"piece behind the size", "d8:msg_typei1e5:piecei1e10:total_sizei16384eex", Metadata{}, ErrRange},
		{"no data", "d8:msg_typei1e5:piecei0e10:total_sizei1ee", Metadata{}, ErrLength},
		{"short data", "d8:msg_typei1e5:piecei0e10:total_sizei2eex", Metadata{}, ErrLength},
		{"long data", "d8:msg_typei1e5:piecei0e10:total_sizei2eexxx", Metadata{}, ErrLength},
		{"beyond a piece", fmt.Sprintf("d8:msg_typei1e5:piecei0e10:total_sizei16385ee%sx", kib16), Metadata{}, ErrLength},
		{"long head", "d1:a5000:" + strings.Repeat("a", 5000) + "8:msg_typei0e5:piecei0ee", Metadata{}, ErrSyntax},
		{"deep", "d1:a" + strings.Repeat("l", 1000) + strings.Repeat("e", 1001), Metadata{}, ErrSyntax},
	}
	for _, tt := range tests {
		got, err := ParseMetadata([]byte(tt.body))
		if !errors.Is(err, tt.err) || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %.80v, %v, want %.80v, %v", tt.name, got, err, tt.want, tt.err)
		}
	}
}
