package share

import (
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkDelta changes one file of many, from the event to OnChange: touched,
// added, renamed and removed. It reports the processor time of the process and
// what it allocates a change, neither of which may grow with the share.
func BenchmarkDelta(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		for _, perDir := range []int{100, n} {
			b.Run(fmt.Sprintf("files=%d/dirs=%d", n, n/perDir), func(b *testing.B) { benchmarkDelta(b, n, perDir) })
		}
	}
}

func benchmarkDelta(b *testing.B, n, perDir int) {
	bx := newBox(b, nil)
	for i := range n {
		if i%perDir == 0 {
			bx.must(os.MkdirAll(bx.path(fmt.Sprint("d", i/perDir)), 0o755))
		}
		bx.must(os.WriteFile(bx.path(fmt.Sprintf("d%d/file %d", i/perDir, i)), fmt.Append(nil, i), 0o644))
	}
	bx.open()
	bx.until("all", func() bool { return bx.Stats().Files == n })
	bx.saved()
	changes := 0
	change := func(do func() error, path string, ok func(f File, there bool) bool) {
		bx.must(do())
		changes++
		bx.until(path, func() bool { return ok(bx.file(path)) })
	}
	b.ReportAllocs()
	before := cpuTime(b)
	for i := 0; b.Loop(); i++ {
		dir := fmt.Sprintf("d%d/", i%(n/perDir))
		at, to := fmt.Sprint(dir, "added ", i), fmt.Sprint(dir, "renamed ", i)
		there := func(_ File, ok bool) bool { return ok }
		gone := func(_ File, ok bool) bool { return !ok }
		when := time.Unix(int64(i), 0)
		change(func() error { return os.WriteFile(bx.path(at), fmt.Append(nil, "new ", i), 0o644) }, at, there)
		change(func() error { return os.Chtimes(bx.path(at), when, when) }, at, func(f File, ok bool) bool { return ok && f.MTime.Equal(when) })
		change(func() error { return os.Rename(bx.path(at), bx.path(to)) }, to, there)
		change(func() error { return os.Remove(bx.path(to)) }, to, gone)
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(changes), "cpu-us/change")
}

// cpuTime is what the process has used.
func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
