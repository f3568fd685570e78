package metainfo

import (
	"slices"
	"testing"

	"p2pfs/swarm/hashing"
)

func BenchmarkVerifyPiece2(b *testing.B) {
	data := testBytes(1<<20, 1)
	h := hashesOf(data, 1<<20)
	in, err := BuildV2("f", h.Length, h.PieceLength, h.Root, Options{})
	if err != nil {
		b.Fatal(err)
	}
	blocks := slices.Collect(slices.Chunk(data, hashing.BlockSize))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if !in.VerifyPiece2(0, h.Root, blocks) {
			b.Fatal("refused")
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"v1 of 10 000 files", "v2 of 10 000 files"} {
		raw := []byte(rawList(each(10_000, emptyEntry), 0))
		if name[1] == '2' {
			raw = []byte(rawTree(each(10_000, emptyLeaf)))
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseInfo(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
