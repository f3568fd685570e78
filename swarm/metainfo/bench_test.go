package metainfo

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
)

// BenchmarkHashFile is what publishing a file costs. BenchmarkHashSerial is
// the same work on one core, without anything around it.
func BenchmarkHashFile(b *testing.B) {
	data := testBytes(64<<20, 1)
	for _, pl := range []int64{64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20} {
		b.Run(fmt.Sprintf("%dKiB", pl>>10), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := HashFile(context.Background(), bytes.NewReader(data), int64(len(data)), pl, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHashSerial(b *testing.B) {
	data := testBytes(64<<20, 1)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		for p := range slices.Chunk(data, 1<<20) {
			sha1.Sum(p)
			for leaf := range slices.Chunk(p, BlockSize) {
				sha256.Sum256(leaf)
			}
		}
	}
}

// BenchmarkHashSmall is what a file of one block costs besides its bytes.
func BenchmarkHashSmall(b *testing.B) {
	data := testBytes(5000, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := HashFile(context.Background(), bytes.NewReader(data), int64(len(data)), 64<<10, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyPiece2(b *testing.B) {
	data := testBytes(1<<20, 1)
	h := slowHashes(data, 1<<20)
	in, err := BuildV2("f", h.Length, h.PieceLength, h.Root)
	if err != nil {
		b.Fatal(err)
	}
	blocks := slices.Collect(slices.Chunk(data, BlockSize))
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

// zeroReader yields zeros without end.
type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestHasherMemory hashes far more than a Hasher may hold.
func TestHasherMemory(t *testing.T) {
	const length = 512 << 20
	for _, pl := range []int64{64 << 10, 4 << 20, 64 << 20} {
		h, err := NewHasher(HashConfig{PieceLength: pl, Length: length})
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := h.readAll(context.Background(), io.LimitReader(zeroReader{}, length), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Sum(); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		limit := max(2*runtime.GOMAXPROCS(0)+2, maxChunks)
		if h.made > limit {
			t.Errorf("pieces of %d: %d buffers, want at most %d", pl, h.made, limit)
		}
		used := after.TotalAlloc - before.TotalAlloc
		if used > uint64(limit)*chunkSize+4<<20 {
			t.Errorf("pieces of %d: %d bytes allocated", pl, used)
		}
		t.Logf("pieces of %d: %d buffers, %d bytes allocated", pl, h.made, used)
	}
}
