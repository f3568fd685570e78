package hashing

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

// testBytes returns n bytes that depend on seed only.
func testBytes(n int, seed uint64) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

// slowHashes computes what File does, straight from BEP 3 and 52: the
// whole tree of zero-filled leaves, no shortcut.
func slowHashes(data []byte, pl int) FileHashes {
	out := FileHashes{Length: int64(len(data)), PieceLength: int64(pl)}
	for p := range slices.Chunk(data, pl) {
		out.Pieces = append(out.Pieces, sha1.Sum(p))
	}
	var row []Hash256
	for b := range slices.Chunk(data, BlockSize) {
		row = append(row, sha256.Sum256(b))
	}
	if len(row) == 0 {
		return out
	}
	for len(row)&(len(row)-1) != 0 {
		row = append(row, Hash256{})
	}
	for width := pl / BlockSize; ; width /= 2 {
		if width == 1 && len(data) > pl {
			out.Layer = slices.Clone(row[:len(out.Pieces)])
		}
		if len(row) == 1 {
			out.Root = row[0]
			return out
		}
		var up []Hash256
		for pair := range slices.Chunk(row, 2) {
			up = append(up, sha256.Sum256(append(pair[0][:], pair[1][:]...)))
		}
		row = up
	}
}

func checkHashes(t *testing.T, got, want FileHashes) {
	t.Helper()
	if got.Length != want.Length || got.PieceLength != want.PieceLength {
		t.Errorf("got length %d, pieces of %d, want %d, %d", got.Length, got.PieceLength, want.Length, want.PieceLength)
	}
	if !slices.Equal(got.Pieces, want.Pieces) {
		t.Errorf("got pieces %v, want %v", got.Pieces, want.Pieces)
	}
	if !slices.Equal(got.Layer, want.Layer) {
		t.Errorf("got layer %v, want %v", got.Layer, want.Layer)
	}
	if got.Root != want.Root {
		t.Errorf("got root %v, want %v", got.Root, want.Root)
	}
}

var hashLengths = []int{
	0, 1, BlockSize - 1, BlockSize, BlockSize + 1, 3 * BlockSize, 64<<10 - 1, 64 << 10, 64<<10 + 1,
	5*64<<10 + 7, 1<<20 - 1, 1 << 20, 1<<20 + 1, 2<<20 + 5, 4 << 20, 4<<20 + 1, 5<<20 + BlockSize + 1, 9<<20 + 3,
}

func TestFile(t *testing.T) {
	data := testBytes(9<<20+3, 1)
	for _, pl := range []int{16 << 10, 64 << 10, 1 << 20, 2 << 20, 4 << 20} {
		for _, n := range hashLengths {
			t.Run(fmt.Sprintf("%d/%d", pl, n), func(t *testing.T) {
				var last int64
				got, err := File(context.Background(), bytes.NewReader(data[:n]), Config{PieceLength: int64(pl), Length: int64(n)}, func(done int64) {
					if done <= last {
						t.Errorf("progress went from %d to %d", last, done)
					}
					last = done
				})
				if err != nil {
					t.Fatal(err)
				}
				if last != int64(n) {
					t.Errorf("progress ended at %d, want %d", last, n)
				}
				checkHashes(t, got, slowHashes(data[:n], pl))
			})
		}
	}
}

func TestHashVersions(t *testing.T) {
	data := testBytes(3<<20+100, 3)
	for _, pl := range []int{64 << 10, 2 << 20} {
		want := slowHashes(data, pl)
		one, two := want, want
		one.Root, one.Layer, two.Pieces = Hash256{}, nil, nil
		cfg := Config{PieceLength: int64(pl), Length: int64(len(data)), OnlyV1: true}
		got, err := File(context.Background(), bytes.NewReader(data), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkHashes(t, got, one)
		cfg.OnlyV1, cfg.OnlyV2 = false, true
		if got, err = File(context.Background(), bytes.NewReader(data), cfg, nil); err != nil {
			t.Fatal(err)
		}
		checkHashes(t, got, two)
		cfg.OnlyV2, cfg.PadV1 = false, true
		padded := append(bytes.Clone(data), make([]byte, pl-len(data)%pl)...)
		want.Pieces = slowHashes(padded, pl).Pieces
		if got, err = File(context.Background(), bytes.NewReader(data), cfg, nil); err != nil {
			t.Fatal(err)
		}
		checkHashes(t, got, want)
	}
}

func TestHashOddPieces(t *testing.T) {
	data := testBytes(9<<20+5, 4)
	for _, pl := range []int{1, 1000, 99_999, 300_001, 600_001, 1 << 20, 1<<20 + 1, 3_000_000} {
		n := min(len(data), pl*50_000)
		cfg := Config{PieceLength: int64(pl), Length: int64(n), OnlyV1: true}
		got, err := File(context.Background(), bytes.NewReader(data[:n]), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		var want []Hash
		for p := range slices.Chunk(data[:n], pl) {
			want = append(want, sha1.Sum(p))
		}
		if !slices.Equal(got.Pieces, want) {
			t.Errorf("pieces of %d: wrong hashes", pl)
		}
	}
}

func TestHashErrors(t *testing.T) {
	data := testBytes(3<<20, 5)
	ctx := context.Background()
	for _, n := range []int64{0, 1, 3<<20 - 1, 3<<20 + 1, 9 << 20} {
		if _, err := File(ctx, bytes.NewReader(data), Config{PieceLength: 1 << 20, Length: n}, nil); !errors.Is(err, ErrLength) {
			t.Errorf("length %d: got %v, want ErrLength", n, err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	_, err := File(ctx, bytes.NewReader(data), Config{PieceLength: 64 << 10, Length: 3 << 20}, func(int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	for _, cfg := range []Config{
		{}, {PieceLength: -1}, {PieceLength: 1000}, {PieceLength: 8 << 10}, {PieceLength: 48 << 10},
		{PieceLength: 128 << 20}, {PieceLength: 1 << 20, OnlyV1: true, OnlyV2: true},
	} {
		if _, err := File(ctx, bytes.NewReader(nil), cfg, nil); err == nil {
			t.Errorf("%+v accepted", cfg)
		}
	}
}

// TestHasherEnds runs in bubbles, which fail where a goroutine is left.
func TestHasherEnds(t *testing.T) {
	data := testBytes(9<<20, 6)
	for _, pl := range []int64{64 << 10, 2 << 20, 64 << 20} {
		synctest.Test(t, func(t *testing.T) {
			if _, err := File(t.Context(), bytes.NewReader(data), Config{PieceLength: pl, Length: 9 << 20}, nil); err != nil {
				t.Error(err)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := File(ctx, bytes.NewReader(data), Config{PieceLength: pl, Length: 9 << 20}, func(done int64) {
				if done > 4<<20 {
					cancel()
				}
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want Canceled", err)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			broken := errors.New("broken disk")
			r := io.MultiReader(bytes.NewReader(data[:5<<20]), iotest.ErrReader(broken))
			if _, err := File(t.Context(), r, Config{PieceLength: pl, Length: 9 << 20}, nil); !errors.Is(err, broken) {
				t.Errorf("got %v, want %v", err, broken)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			r := iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(data[:5<<20])))
			got, err := File(t.Context(), r, Config{PieceLength: pl, Length: 5 << 20}, nil)
			if err != nil {
				t.Error(err)
			}
			checkHashes(t, got, slowHashes(data[:5<<20], int(pl)))
		})
	}
}
