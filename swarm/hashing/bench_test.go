package hashing

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
				if _, err := File(context.Background(), bytes.NewReader(data), Config{PieceLength: pl, Length: int64(len(data))}, nil); err != nil {
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
		if _, err := File(context.Background(), bytes.NewReader(data), Config{PieceLength: 64 << 10, Length: int64(len(data))}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// zeroReader yields zeros without end.
type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestHasherMemory hashes far more than a hasher may hold.
func TestHasherMemory(t *testing.T) {
	const length = 512 << 20
	for _, pl := range []int64{64 << 10, 4 << 20, 64 << 20} {
		h := newHasher(Config{PieceLength: pl, Length: length})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := h.readAll(context.Background(), io.LimitReader(zeroReader{}, length), nil); err != nil {
			t.Fatal(err)
		}
		h.sum()
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
