package cache

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// blockSize is what a leaf of a hash tree is of (BEP 52).
const blockSize = 16 << 10

// piece makes n reproducible bytes and the key that names them.
func piece(version byte, seed uint64, n int) (Key, []byte) {
	data := make([]byte, n)
	fill(data, seed)
	return keyOf(version, data, 1), data
}

func fill(p []byte, seed uint64) {
	var s [32]byte
	s[0], s[1], s[2] = byte(seed), byte(seed>>8), byte(seed>>16)
	rand.NewChaCha8(s).Read(p)
}

// keyOf names data. A version 2 tree is filled up to at least width leaves.
// It is written from BEP 52, apart from the code under test.
func keyOf(version byte, data []byte, width int) Key {
	var k Key
	k[0] = version
	if version == '1' {
		sum := sha1.Sum(data)
		copy(k[1:], sum[:])
		return k
	}
	var layer [][32]byte
	for off := 0; off < len(data); off += blockSize {
		layer = append(layer, sha256.Sum256(data[off:min(off+blockSize, len(data))]))
	}
	for len(layer)&(len(layer)-1) != 0 || len(layer) < width {
		layer = append(layer, [32]byte{})
	}
	for len(layer) > 1 {
		var up [][32]byte
		for i := 0; i < len(layer); i += 2 {
			up = append(up, sha256.Sum256(append(layer[i][:], layer[i+1][:]...)))
		}
		layer = up
	}
	copy(k[1:], layer[0][:])
	return k
}

// blocksOf cuts data at 16 KiB.
func blocksOf(data []byte) (blocks [][]byte) {
	for len(data) > blockSize {
		blocks = append(blocks, data[:blockSize])
		data = data[blockSize:]
	}
	return append(blocks, data)
}

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && err != ErrClosed {
			t.Error(err)
		}
	})
	return s
}

func put(t testing.TB, s *Store, k Key, data []byte) {
	t.Helper()
	if err := s.Put(k, blocksOf(data)); err != nil {
		t.Fatalf("Put of %d bytes: %v", len(data), err)
	}
}

// wantPiece fails unless k reads as data.
func wantPiece(t testing.TB, s *Store, k Key, data []byte) {
	t.Helper()
	got := make([]byte, len(data))
	if n, err := s.ReadAt(k, got, 0); err != nil || n != len(data) {
		t.Fatalf("ReadAt: got %d, %v, want %d", n, err, len(data))
	}
	if !bytes.Equal(got, data) {
		t.Fatal("ReadAt: other bytes than were put")
	}
}

// use has k's piece read until release, which counts once.
func use(s *Store, k Key) (release func(), err error) {
	h, err := s.acquire(k)
	if err != nil {
		return nil, err
	}
	return sync.OnceFunc(h.unref), nil
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// onDisk returns the bytes that du would count for all pieces below dir, and
// the paths of files that are not what belongs there.
func onDisk(t testing.TB, dir string) (used int64, odd []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := d.Name()
		if name == formatName || name == cacheTag {
			return nil
		}
		if _, ok := parseName(name); !ok {
			odd = append(odd, path)
			return nil
		}
		fi, err := d.Info()
		if err == nil {
			used += infoOf(fi).alloc
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return used, odd
}

// check tests the store's invariants. Nothing may be going on in s.
func (s *Store) check(t testing.TB) {
	t.Helper()
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	var used int64
	queued := 0
	for k, e := range s.table.index {
		used += e.alloc
		if e.key != k {
			t.Errorf("entry %x stands under %x", e.key, k)
		}
		if pinned := s.table.pins[k] > 0; pinned != (e.at < 0) {
			t.Errorf("piece %x: pinned %v, place in lru %d", k, pinned, e.at)
		}
		if e.at >= 0 {
			queued++
			if s.table.lru[e.at] != e {
				t.Errorf("piece %x is not at its place in lru", k)
			}
			if parent := s.table.lru[max(e.at-1, 0)/2]; parent.stamp > e.stamp {
				t.Errorf("lru is no heap at %d", e.at)
			}
		}
		if h := e.handle; h != nil && (h.entry != e || h.refs.Load() < 1 || !e.verified) {
			t.Errorf("piece %x: handle of %x, %d references, verified %v", k, h.entry.key, h.refs.Load(), e.verified)
		}
	}
	if queued != len(s.table.lru) {
		t.Errorf("lru has %d entries, want %d", len(s.table.lru), queued)
	}
	if used != s.table.used || s.table.dying != 0 || s.table.reserved != 0 || len(s.table.busy) != 0 {
		t.Errorf("used %d, dying %d, reserved %d, claims %d, want used %d and no more",
			s.table.used, s.table.dying, s.table.reserved, len(s.table.busy), used)
	}
	if len(s.table.files) > maxOpen {
		t.Errorf("%d files are open, want at most %d", len(s.table.files), maxOpen)
	}
	for _, h := range s.table.files {
		if h.entry.handle != h {
			t.Errorf("open file of %x is not its entry's", h.entry.key)
		}
	}
}
