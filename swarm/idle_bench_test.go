package swarm

import (
	"context"
	"flag"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/tracker/server"
)

var (
	idleTorrents = flag.Int("idle.torrents", 1000, "torrents of BenchmarkIdle")
	idleFor      = flag.Duration("idle.for", 20*time.Second, "how long BenchmarkIdle looks on")
)

// BenchmarkIdle is the cost of torrents that are seeded and that nobody asks for:
// memory, share of a core, and how many announces went out at most in a second.
func BenchmarkIdle(b *testing.B) {
	url, announces := idleTracker(b)
	c := client(b, swarmtest.Host().String())
	before := memoryInUse()
	payload := randomBytes(1 << 20)
	for i := range *idleTorrents {
		payload[0], payload[1] = byte(i), byte(i>>8)
		m, _ := torrents(b, payload[:64<<10], 16<<10)
		add(b, c, Spec{MetaInfo: &metainfo.MetaInfo{Info: m.Info, Trackers: [][]string{{url}}}, Storage: full(m.Info, payload[:64<<10]).open})
	}
	most, last := int64(0), int64(0)
	used, began := cpuUsed(), time.Now()
	for time.Since(began) < *idleFor {
		time.Sleep(time.Second)
		if n := announces(); n > last {
			most, last = max(most, n-last), n
		}
		if last < int64(*idleTorrents) { // still announcing for the first time
			used, began = cpuUsed(), time.Now()
		}
	}
	b.ReportMetric(float64(memoryInUse()-before)/(1<<20), "MiB")
	b.ReportMetric(100*(cpuUsed()-used).Seconds()/time.Since(began).Seconds(), "%-of-a-core")
	b.ReportMetric(float64(most), "announces/s-at-most")
	b.ReportMetric(0, "ns/op")
}

// idleTracker is a UDP tracker, and the number of announces it has had.
func idleTracker(b *testing.B) (url string, announces func() int64) {
	b.Helper()
	pc, err := net.ListenPacket("udp", net.JoinHostPort(swarmtest.Host().String(), "0"))
	if err != nil {
		b.Fatal(err)
	}
	s := server.New(server.Config{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, pc) }()
	b.Cleanup(func() { cancel(); <-done })
	return "udp://" + pc.LocalAddr().String(), func() int64 { return int64(s.Stats().Announces) }
}

func memoryInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

func cpuUsed() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
