package disk

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"p2pfs/swarm/metainfo"
)

// big makes a torrent of 64 files of 4 MiB, or one of 256 MiB, in pieces of
// 1 MiB, and a checked seed of it.
func big(b *testing.B, files int) *Disk {
	b.Helper()
	c := content{}
	for i := range files {
		c[string(rune('A'+i))] = random(uint64(i), 256<<20/files)
	}
	dir := filepath.Join(b.TempDir(), "t")
	c.write(b, dir)
	m, err := metainfo.Create(context.Background(), dir, metainfo.CreateOptions{V1: true, PieceLength: 1 << 20})
	must(b, err)
	d := open(b, Config{MetaInfo: m, Data: dir})
	check(b, d)
	return d
}

// BenchmarkWritePiece writes pieces of 1 MiB as 64 blocks.
func BenchmarkWritePiece(b *testing.B) {
	for _, files := range []int{1, 64} {
		b.Run(map[int]string{1: "one file", 64: "64 files"}[files], func(b *testing.B) {
			seed := big(b, files)
			blocks := blocksOf(b, seed, 0)
			d := open(b, Config{MetaInfo: seed.cfg.MetaInfo, Dir: b.TempDir()})
			n := seed.info.Pieces.Count()
			b.SetBytes(1 << 20)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				d.have.clear(i % n)
				must(b, d.WritePiece(i%n, blocks))
				i++
			}
		})
	}
}

// BenchmarkReadAt reads 128 KiB from anywhere.
func BenchmarkReadAt(b *testing.B) {
	seed := big(b, 64)
	p := make([]byte, 128<<10)
	r := rand.New(rand.NewPCG(1, 2))
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := seed.ReadAt(p, r.IntN(256), r.Int64N(1<<20-128<<10))
		must(b, err)
	}
}

// BenchmarkCheck hashes 256 MiB in the page cache.
func BenchmarkCheck(b *testing.B) {
	seed := big(b, 1)
	b.SetBytes(256 << 20)
	for b.Loop() {
		d := open(b, Config{MetaInfo: seed.cfg.MetaInfo, Data: seed.Path()})
		check(b, d)
	}
}
