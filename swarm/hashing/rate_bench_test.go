package hashing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkHashRate hashes a file of 512 MiB for both versions, and compares
// that with the slower of what the disk gives and what the cores can hash:
// of-possible is the share of it that is reached. Set TMPDIR to choose the disk.
func BenchmarkHashRate(b *testing.B) {
	const size = 512 << 20
	path := filepath.Join(b.TempDir(), "f")
	if err := makeFile(path, size); err != nil {
		b.Fatal(err)
	}
	for _, pl := range []int64{256 << 10, 1 << 20, 4 << 20} {
		b.Run(fmt.Sprintf("%dKiB", pl>>10), func(b *testing.B) {
			b.SetBytes(size)
			var hashed, read, cores []float64
			for b.Loop() { // in turn, so that a busy machine is busy for all
				read = append(read, rate(b, path, func(f io.Reader) error { return drain(f) }))
				cores = append(cores, coresRate())
				hashed = append(hashed, rate(b, path, func(f io.Reader) error {
					_, err := File(context.Background(), f, Config{PieceLength: pl, Length: size}, nil)
					return err
				}))
			}
			disk, all, got := middle(read), middle(cores), middle(hashed)
			b.ReportMetric(disk, "disk-MB/s")
			b.ReportMetric(all, "cores-MB/s")
			b.ReportMetric(got, "hashed-MB/s")
			b.ReportMetric(got/min(disk, all), "of-possible")
		})
	}
}

func makeFile(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, rand.NewChaCha8([32]byte{}), size)
	return errors.Join(err, f.Sync(), f.Close())
}

// rate is how fast f takes the file in from the disk, in MB/s.
func rate(b *testing.B, path string, f func(io.Reader) error) float64 {
	b.Helper()
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err = errors.Join(err, uncache(file)); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := f(file); err != nil {
		b.Fatal(err)
	}
	return float64(info.Size()) / 1e6 / time.Since(began).Seconds()
}

func drain(r io.Reader) error {
	buf := make([]byte, chunkSize)
	for {
		if _, err := r.Read(buf); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// coresRate is how fast all cores hash, each by itself and without anything
// around it, in MB/s.
func coresRate() float64 {
	const rounds = 64
	var wg sync.WaitGroup
	cores := runtime.GOMAXPROCS(0)
	began := time.Now()
	for range cores {
		wg.Go(func() {
			buf, s := make([]byte, chunkSize), newBoth()
			for range rounds {
				s.Reset()
				for leaf := range slices.Chunk(buf, BlockSize) {
					s.Write(leaf)
				}
				s.Sum()
			}
		})
	}
	wg.Wait()
	return float64(cores*rounds*chunkSize) / 1e6 / time.Since(began).Seconds()
}

func middle(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
