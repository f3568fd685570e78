package cache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"
)

// TestTwoLengthsOfOneName puts two pieces that have one name: the hashes of a
// piece's two blocks are a piece of 64 bytes with the same root. The last one
// put is there, whoever asked for the other is told that it has gone.
func TestTwoLengthsOfOneName(t *testing.T) {
	k, long := piece('2', 1, 2*blockSize)
	x, y := sha256.Sum256(long[:blockSize]), sha256.Sum256(long[blockSize:])
	short := append(x[:], y[:]...)
	if keyOf('2', short, 1) != k {
		t.Fatal("they have two names")
	}
	var gone int
	s := open(t, Config{Dir: t.TempDir(), Size: 1 << 20, OnEvict: func(Key) { gone++ }})
	for i, data := range [][]byte{long, short, short, long} {
		put(t, s, k, data)
		if size, ok := s.Size(k); !ok || size != int64(len(data)) {
			t.Errorf("%d: size %d, %v; want %d", i, size, ok, len(data))
		}
		got := make([]byte, len(data))
		if _, err := s.ReadAt(k, got, 0); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d: other bytes, %v", i, err)
		}
		if _, err := s.ReadAt(k, make([]byte, len(data)+1), 0); !errors.Is(err, ErrRange) {
			t.Errorf("%d: read past the end: %v", i, err)
		}
	}
	if u := s.Usage(); gone != 2 || u.Used != 2*blockSize {
		t.Errorf("%d gone, %d bytes used", gone, u.Used)
	}
}
