//go:build linux

package fs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

const benchSize = 128 << 20

// BenchmarkRead has dd read a file by 1 MiB: through a mount with nothing in the
// page cache, once more with everything there, and a plain file. The processor
// time is that of this process, which serves.
func BenchmarkRead(b *testing.B) {
	data := noise(1, benchSize)
	tree := newMem()
	tree.put("f", data)
	m := mount(b, tree)
	plain := filepath.Join(b.TempDir(), "plain")
	if err := os.WriteFile(plain, data, 0o644); err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct {
		name, path string
		cold       bool
	}{
		{"cold", filepath.Join(m.Dir(), "f"), true},
		{"again", filepath.Join(m.Dir(), "f"), false},
		{"plain", plain, false},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(benchSize)
			gcs, cpu := collections(), cpuTime()
			for b.Loop() {
				if bb.cold {
					b.StopTimer()
					drop(m, "f")
					b.StartTimer()
				}
				if out, err := exec.Command("dd", "if="+bb.path, "of=/dev/null", "bs=1M").CombinedOutput(); err != nil {
					b.Fatalf("dd: %v\n%s", err, out)
				}
			}
			gib := float64(b.N) * benchSize / (1 << 30)
			b.ReportMetric(float64(collections()-gcs)/gib, "GCs/GiB")
			b.ReportMetric((cpuTime()-cpu).Seconds()/gib, "cpu-s/GiB")
		})
	}
}

func collections() uint32 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.NumGC
}

func cpuTime() time.Duration {
	var ru syscall.Rusage
	syscall.Getrusage(0, &ru)
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// BenchmarkReadRandom reads 4 KiB here and there, not in the page cache.
func BenchmarkReadRandom(b *testing.B) {
	tree := newMem()
	tree.put("f", noise(1, benchSize))
	m := mount(b, tree)
	f, err := os.Open(filepath.Join(m.Dir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	r := rand.New(rand.NewPCG(1, 1))
	buf := make([]byte, 4096)
	i := 0
	for b.Loop() {
		if i++; i%4000 == 0 {
			b.StopTimer()
			drop(m, "f")
			b.StartTimer()
		}
		if _, err := f.ReadAt(buf, r.Int64N(benchSize/4096)*4096); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStatCold looks up names that the kernel does not know.
func BenchmarkStatCold(b *testing.B) {
	tree := newMem()
	for i := range 1000 {
		tree.put(fmt.Sprint("d/f", i), nil)
	}
	m := mount(b, tree)
	i := 0
	for b.Loop() {
		if i++; i%1000 == 0 {
			b.StopTimer()
			m.inval.tell(map[change]struct{}{{"d", ChangeTree}: {}}, nil)
			b.StartTimer()
		}
		if _, err := os.Lstat(filepath.Join(m.Dir(), "d", fmt.Sprint("f", i%1000))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkListing(b *testing.B) {
	entries := make([]Entry, 60_000)
	for i := range entries {
		entries[i].Name = fmt.Sprintf("file-%06d.dat", i)
	}
	for b.Loop() {
		(&listing{path: "some/directory", entries: entries}).dirents(0, 10<<20)
	}
}
