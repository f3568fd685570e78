package swarm

import (
	"context"
	"crypto/sha1"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// zeroStorage has pieces that are nothing but zeros.
type zeroStorage struct{ memory }

func (z *zeroStorage) ReadAt(p []byte, i int, _ int64) (int, error) {
	if !z.Has(i) {
		return 0, ErrMissing
	}
	clear(p)
	return len(p), nil
}

func (z *zeroStorage) WritePiece(i int, _ [][]byte) error {
	return z.memory.WritePiece(i, [][]byte{{}})
}

func (z *zeroStorage) open(m *metainfo.MetaInfo) (Storage, error) {
	_, err := z.memory.open(m)
	return z, err
}

// BenchmarkSparse reads 128 KiB at 200 random places of 64 GiB in pieces of
// 16 MiB, by eight readers at once, and tells how much memory both ends together
// had at most.
func BenchmarkSparse(b *testing.B) {
	const pieceLength, pieces, reads = 16 << 20, 4096, 200
	zero := metainfo.Hash(sha1.Sum(make([]byte, pieceLength)))
	hashes := make([]metainfo.Hash, pieces)
	for i := range hashes {
		hashes[i] = zero
	}
	info, err := metainfo.BuildV1("sparse", pieces*pieceLength, pieceLength, hashes, metainfo.Options{})
	if err != nil {
		b.Fatal(err)
	}
	m := &metainfo.MetaInfo{Info: info}
	whole := &zeroStorage{memory{pieces: map[int][]byte{}}}
	for i := range pieces {
		whole.pieces[i] = []byte{}
	}
	debug.FreeOSMemory() // what benchmarks before this one had
	for b.Loop() {
		a := client(b, swarmtest.Host().String())
		add(b, a, Spec{MetaInfo: m, Storage: whole.open})
		c := client(b, swarmtest.Host().String())
		tor := add(b, c, Spec{MetaInfo: m, Storage: (&zeroStorage{}).open, Peers: []netip.AddrPort{a.Addr()}})
		peak := peakOf(func() {
			var wg sync.WaitGroup
			for n := range 8 {
				wg.Go(func() {
					rng, p := rand.New(rand.NewPCG(uint64(n), 1)), make([]byte, 128<<10)
					r := tor.NewReader(0)
					defer r.Close()
					for range reads / 8 {
						if _, err := r.ReadAt(context.Background(), p, rng.Int64N(info.Length()-int64(len(p)))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
		b.ReportMetric(float64(peak)/(1<<20), "MiB-anonymous")
		c.Close()
		a.Close()
	}
}

// peakOf is the most anonymous memory, in bytes, that this process had while do
// ran.
func peakOf(do func()) (peak int64) {
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	for {
		select {
		case <-done:
			return peak
		case <-time.After(10 * time.Millisecond):
			peak = max(peak, swarmtest.Anonymous(os.Getpid()))
		}
	}
}
