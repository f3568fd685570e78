package cache

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
)

// BenchmarkPut stores pieces of one size, evicting when 256 MiB are full.
func BenchmarkPut(b *testing.B) {
	for _, n := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20} {
		b.Run(fmt.Sprintf("%dKiB", n>>10), func(b *testing.B) {
			s := open(b, Config{Dir: b.TempDir(), Size: 256 << 20})
			_, data := piece('2', 1, n)
			blocks := blocksOf(data)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			k := Key{0: '2'}
			for b.Loop() {
				k[1]++
				if k[1] == 0 {
					k[2]++
					if k[2] == 0 {
						k[3]++
					}
				}
				if err := s.Put(k, blocks); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReadAt reads 128 KiB at random places of pieces that are in the
// page cache, with one reader and with many.
func BenchmarkReadAt(b *testing.B) {
	const pieces, size, length = 64, 1 << 20, 128 << 10
	s := open(b, Config{Dir: b.TempDir()})
	keys := make([]Key, pieces)
	for i := range keys {
		k, data := piece('2', uint64(i), size)
		put(b, s, k, data)
		keys[i] = k
	}
	read := func(p []byte, r *rand.Rand) error {
		_, err := s.ReadAt(keys[r.IntN(pieces)], p, int64(r.IntN(size-length)))
		return err
	}
	var seed atomic.Uint64
	for _, readers := range []int{1, 16} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			b.SetBytes(length)
			b.ReportAllocs()
			b.SetParallelism(readers)
			b.RunParallel(func(pb *testing.PB) {
				p, r := make([]byte, length), rand.New(rand.NewPCG(seed.Add(1), 2))
				for pb.Next() {
					if err := read(p, r); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkReadOpen reads from more pieces than are kept open.
func BenchmarkReadOpen(b *testing.B) {
	const pieces, size = 2 * maxOpen, 16 << 10
	s := open(b, Config{Dir: b.TempDir()})
	keys := make([]Key, pieces)
	for i := range keys {
		k, data := piece('2', uint64(i), size)
		put(b, s, k, data)
		keys[i] = k
	}
	p := make([]byte, size)
	i := 0
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		i++
		if _, err := s.ReadAt(keys[i%pieces], p, 0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerify hashes a piece of 1 MiB.
func BenchmarkVerify(b *testing.B) {
	for _, version := range []byte{'1', '2'} {
		b.Run(string(version), func(b *testing.B) {
			s := open(b, Config{Dir: b.TempDir()})
			k, data := piece(version, 1, 1<<20)
			put(b, s, k, data)
			b.SetBytes(1 << 20)
			for b.Loop() {
				if err := s.Verify(k); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFirstRead reads 64 MiB in 128 KiB, as a reader of a file does: for
// the first time in a run, when each piece is verified, and again.
func BenchmarkFirstRead(b *testing.B) {
	const pieces, size, step = 64, 1 << 20, 128 << 10
	for _, version := range []byte{'1', '2'} {
		dir := b.TempDir()
		s, err := Open(Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		var keys []Key
		for i := range pieces {
			k, data := piece(version, uint64(i), size)
			put(b, s, k, data)
			keys = append(keys, k)
		}
		p := make([]byte, step)
		readAll := func(b *testing.B) {
			for _, k := range keys {
				for off := int64(0); off < size; off += step {
					if _, err := s.ReadAt(k, p, off); err != nil {
						b.Fatal(err)
					}
				}
			}
		}
		b.Run(string(version)+"/first", func(b *testing.B) {
			b.SetBytes(pieces * size)
			for range b.N {
				b.StopTimer()
				closeStore(b, s)
				var err error
				if s, err = Open(Config{Dir: dir}); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				readAll(b)
			}
		})
		b.Run(string(version)+"/again", func(b *testing.B) {
			b.SetBytes(pieces * size)
			for range b.N {
				readAll(b)
			}
		})
		closeStore(b, s)
	}
}

// BenchmarkOpen opens a cache of 20 000 pieces.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s := open(b, Config{Dir: dir})
	k := Key{0: '2'}
	for i := range 20_000 {
		k[1], k[2], k[3] = byte(i), byte(i>>8), byte(i>>16)
		if err := s.Put(k, [][]byte{{1}}); err != nil {
			b.Fatal(err)
		}
	}
	closeStore(b, s)
	for b.Loop() {
		closeStore(b, open(b, Config{Dir: dir}))
	}
}
