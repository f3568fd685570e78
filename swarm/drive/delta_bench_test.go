package drive

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
)

// BenchmarkDelta touches one file of many that a member shares, and waits until
// another shows it, over the loopback. Heads are paced, so that what counts is
// cpu-ms/op: what both members take for it together, which must not depend on
// how many files there are.
func BenchmarkDelta(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		for _, dirs := range []int{1, 100} {
			b.Run(fmt.Sprintf("%d files in %d", n, dirs), func(b *testing.B) { benchDelta(b, n, dirs) })
		}
	}
}

func benchDelta(b *testing.B, n, dirs int) {
	seen := make(chan string, 1<<10)
	author := newNode(b, 1)
	member := newNode(b, 2, func(c *Config) {
		fakesOf(c).view = func(now, before *union.View) {
			changes, err := union.Diff(before, now)
			if err != nil {
				b.Error(err)
			}
			for _, c := range changes {
				seen <- c.Path
			}
		}
	})
	files := make([]catalog.File, n)
	for i := range files {
		files[i] = file(fmt.Sprintf("d%d/file %06d.jpg", i%dirs, i), i)
	}
	author.share(files...)
	author.join(member)
	for path := range seen {
		if path == "d0" {
			break
		}
	}
	start := cpuTime()
	for i := 0; b.Loop(); i++ {
		f := file(files[i*7919%n].Path, 1_000_000+i)
		if _, err := author.Share(catalog.Delta{Put: []catalog.File{f}}); err != nil {
			b.Fatal(err)
		}
		for path := range seen {
			if path == f.Path {
				break
			}
		}
	}
	b.ReportMetric(float64((cpuTime()-start).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// cpuTime is what this process has taken until now.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
