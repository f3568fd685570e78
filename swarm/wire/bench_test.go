package wire

import (
	"testing"

	"github.com/bits-and-blooms/bitset"
)

func BenchmarkAppendRequest(b *testing.B) {
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendRequest(buf[:0], aBlock)
	}
}

func BenchmarkAppendPieceHeader(b *testing.B) {
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendPieceHeader(buf[:0], 7, 0x4000, 0x4000)
	}
}

func BenchmarkParsePieceHeader(b *testing.B) {
	p := AppendPieceHeader(nil, 7, 0x4000, 0x4000)[5:]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParsePieceHeader(p, 0x4000); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRequest(b *testing.B) {
	p := AppendRequest(nil, aBlock)[5:]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseRequest(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendBitfield(b *testing.B) {
	const n = 1 << 16
	set := bitset.New(n).FlipRange(0, n)
	buf := make([]byte, 0, BitfieldLen(n)+8)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendBitfield(buf[:0], set, n)
	}
}

// TestHotPathAllocatesNothing holds what the package comment promises of
// Append functions whose dst has room, and of the parsers of every block.
func TestHotPathAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 1<<10)
	set := bitset.New(100).Set(3)
	header, request := AppendPieceHeader(nil, 1, 2, 3)[5:], AppendRequest(nil, aBlock)[5:]
	tests := map[string]func(){
		"AppendKeepAlive":   func() { AppendKeepAlive(buf) },
		"AppendChoke":       func() { AppendChoke(buf) },
		"AppendHave":        func() { AppendHave(buf, 7) },
		"AppendRequest":     func() { AppendRequest(buf, aBlock) },
		"AppendCancel":      func() { AppendCancel(buf, aBlock) },
		"AppendReject":      func() { AppendReject(buf, aBlock) },
		"AppendPieceHeader": func() { AppendPieceHeader(buf, 1, 2, 3) },
		"AppendBitfield":    func() { AppendBitfield(buf, set, 100) },
		"AppendExtended":    func() { AppendExtended(buf, 1, header) },
		"AppendDontHave":    func() { AppendDontHave(buf, 1, 2) },
		"AppendHashRequest": func() { AppendHashRequest(buf, aHashReq) },
		"AppendHashes":      func() { AppendHashes(buf, aHashReq, hash1, hash2) },
		"AppendHandshake":   func() { AppendHandshake(buf, Handshake{}) },
		"ParseHave":         func() { _, _ = ParseHave(header[:4]) },
		"ParseRequest":      func() { _, _ = ParseRequest(request) },
		"ParsePieceHeader":  func() { _, _ = ParsePieceHeader(header, 3) },
		"CheckLength":       func() { _ = CheckLength(MsgPiece, 9, Limits{}) },
	}
	for name, f := range tests {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}
