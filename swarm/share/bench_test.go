package share

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"testing"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/watch"
)

// fill makes n files of a size in directories of a hundred.
func (b *box) fill(n int, size int64) {
	b.t.Helper()
	for i := range n {
		dir := b.path(fmt.Sprintf("%02d/%03d", i/10000, i/100%100))
		if i%100 == 0 {
			b.must(os.MkdirAll(dir, 0o755))
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("file number %d", i)))
		b.must(err)
		_, err = fmt.Fprint(f, i)
		b.must(err)
		if size > 0 {
			b.must(f.Truncate(size))
		}
		b.must(f.Close())
	}
}

// BenchmarkRescan looks at an unchanged tree of 10 000 files in 100
// directories.
func BenchmarkRescan(b *testing.B) {
	bx := newBox(b, nil)
	bx.cfg.test.watcher = func() (watcher, error) { return &script{bx.overflow}, nil }
	bx.fill(10000, 0)
	bx.open()
	bx.until("all", func() bool { return bx.Stats().Files == 10000 })
	b.ReportAllocs()
	for b.Loop() {
		bx.walk()
	}
	if n := bx.Stats().Hashed; n != 10000 {
		b.Errorf("hashed %d files", n)
	}
}

// walk has everything looked at once.
func (b *box) walk() {
	select {
	case <-b.walked1:
	default:
	}
	b.overflow <- []watch.Event{{What: watch.Lost}}
	<-b.walked1
}

// BenchmarkRestart opens a share of 10 000 files that are all in the hash
// store.
func BenchmarkRestart(b *testing.B) {
	bx := newBox(b, nil)
	bx.fill(10000, 0)
	bx.open()
	bx.until("all", func() bool { return bx.Stats().Files == 10000 })
	for b.Loop() {
		bx.reopen()
		if n := bx.Stats().Files; n != 10000 {
			b.Fatalf("%d files", n)
		}
	}
}

// BenchmarkPublish makes, hashes and publishes 2 000 files of 4 KiB.
func BenchmarkPublish(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		bx := newBox(b, nil)
		bx.fill(2000, 4096)
		b.StartTimer()
		bx.open()
		bx.until("all", func() bool { return bx.Stats().Files == 2000 })
		b.StopTimer()
		bx.must(bx.Close())
		b.StartTimer()
	}
	b.ReportMetric(2000*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}

// BenchmarkHash hashes one big file, from the page cache.
func BenchmarkHash(b *testing.B) {
	const size = 256 << 20
	bx := openBox(b, nil)
	f, err := os.Create(bx.path("f"))
	bx.must(err)
	for range size >> 20 {
		_, err := f.Write(random(1 << 20))
		bx.must(err)
	}
	bx.must(f.Close())
	bx.await("f")
	b.SetBytes(size)
	ctx := context.Background()
	for b.Loop() {
		f, m, err := bx.folder.open("f")
		bx.must(err)
		if _, err := hashing.File(ctx, f, hashing.Config{PieceLength: metainfo.PieceLength(m.Size), Length: m.Size}, nil); err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

func BenchmarkReadAt(b *testing.B) {
	bx := openBox(b, nil)
	bx.write("f", random(1<<20))
	f := bx.await("f")
	r, err := bx.Reader(f.Content())
	bx.must(err)
	p := make([]byte, 16<<10)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := r.ReadAt(p, int64(i%64)<<14); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemory reports the bytes of memory that a published file takes.
func BenchmarkMemory(b *testing.B) {
	const n = 20000
	bx := newBox(b, nil)
	bx.fill(n, 0)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	bx.open()
	bx.until("all", func() bool { return bx.Stats().Files == n })
	bx.reopen()
	if out := os.Getenv("P2PFS_HEAP"); out != "" {
		f, err := os.Create(out)
		bx.must(err)
		heap()
		bx.must(pprof.WriteHeapProfile(f))
		bx.must(f.Close())
	}
	for b.Loop() {
		b.ReportMetric(float64(heap()-before)/n, "bytes/file")
	}
}
