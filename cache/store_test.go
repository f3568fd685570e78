package cache

import (
	"errors"
	"fmt"
	"testing"
)

func TestPutRead(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	for _, version := range []byte{'1', '2'} {
		for i, n := range []int{1, 100, blockSize, blockSize + 1, 3*blockSize - 1, 64 << 10, 1 << 20, 5 << 20} {
			t.Run(fmt.Sprintf("v%c/%d", version, n), func(t *testing.T) {
				k, data := piece(version, uint64(i), n)
				if _, err := s.ReadAt(k, make([]byte, 1), 0); !errors.Is(err, ErrMissing) || s.Has(k) {
					t.Fatalf("before Put: got %v, has %v, want ErrMissing", err, s.Has(k))
				}
				put(t, s, k, data)
				put(t, s, k, data)
				wantPiece(t, s, k, data)
				if size, ok := s.Size(k); size != int64(n) || !ok || !s.Has(k) {
					t.Errorf("Size: got %d, %v, want %d", size, ok, n)
				}
				if err := s.Verify(k); err != nil {
					t.Errorf("Verify: %v", err)
				}
				s.check(t)
			})
		}
	}
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	k, data := piece('2', 1, 300_000)
	put(t, s, k, data)
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("second Open: got %v, want ErrInUse", err)
	}
	closeStore(t, s)
	if err := s.Put(k, blocksOf(data)); err != ErrClosed {
		t.Errorf("Put after Close: got %v, want ErrClosed", err)
	}
	s = open(t, Config{Dir: dir})
	wantPiece(t, s, k, data)
	s.check(t)
}
