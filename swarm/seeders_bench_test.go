package swarm

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/wire"
)

// seederRate is what one seeder sends, in bytes per second.
const seederRate = 20_000_000 / 8

// uplinks puts n honest seeders of a torrent behind links of their own, of
// 50 ms and 20 Mbit/s.
func uplinks(b *testing.B, tor *swarmtest.Torrent, n int) (via []netip.AddrPort) {
	for range n {
		a := client(b, swarmtest.Host().String())
		add(b, a, Spec{MetaInfo: tor.Meta, Storage: holding(tor)})
		via = append(via, uplink(b, a.Addr(), seederRate))
	}
	return via
}

func uplink(b *testing.B, to netip.AddrPort, rate int64) netip.AddrPort {
	return swarmtest.NewLink(swarmtest.Shape{Delay: 25 * time.Millisecond, Rate: rate}).TCP(b, netip.AddrPort{}, to)
}

// behind puts peers behind one shared link of 160 Mbit/s.
func behind(b *testing.B, peers []netip.AddrPort) (via []netip.AddrPort) {
	shared := swarmtest.NewLink(swarmtest.Shape{Rate: mbit(160)})
	for _, p := range peers {
		via = append(via, shared.TCP(b, netip.AddrPort{}, p))
	}
	return via
}

// plainStreams is how long n plain TCP streams take to carry size bytes
// together over links as uplinks makes them, which tells how busy the machine
// is.
func plainStreams(b *testing.B, n int, size int64) time.Duration {
	began := time.Now()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			plainStream(b, swarmtest.NewLink(swarmtest.Shape{Delay: 25 * time.Millisecond, Rate: seederRate}), size/int64(n))
		})
	}
	wg.Wait()
	return time.Since(began)
}

// readFrom reads a torrent in order from peers. %sum is the rate reached of
// what the links of sum seeders carry, %plain of what plain TCP streams reached
// over them just before, worst-ms the longest that a read took.
func readFrom(b *testing.B, t *swarmtest.Torrent, peers []netip.AddrPort, sum int) {
	plain := plainStreams(b, sum, t.Info.Length())
	c := client(b, swarmtest.Host().String())
	defer c.Close()
	size := t.Info.Length()
	began := time.Now()
	tor := add(b, c, Spec{MetaInfo: t.Meta, Storage: (&memory{}).open, Peers: peers})
	worst := readThrough(b, tor, size)
	ideal := float64(size) / float64(int64(sum)*seederRate)
	took := time.Since(began).Seconds()
	b.ReportMetric(100*ideal/took, "%sum")
	b.ReportMetric(100*plain.Seconds()/took, "%plain")
	b.ReportMetric(float64(worst.Milliseconds()), "worst-ms")
	reportWaste(b, tor)
}

// BenchmarkSeeders reads a file in order from 1, 3 and 8 seeders of 20 Mbit/s
// and 50 ms behind one link of 160 Mbit/s: 24 MiB a seeder.
func BenchmarkSeeders(b *testing.B) {
	for _, kind := range []swarmtest.Kind{swarmtest.V1, swarmtest.V2} {
		for _, n := range []int{1, 3, 8} {
			t := swarmtest.MakeFile(b, kind, "payload.bin", n*24<<20, 256<<10)
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				via := behind(b, uplinks(b, t, n))
				for b.Loop() {
					readFrom(b, t, via, n)
				}
			})
		}
	}
}

// BenchmarkFaulty is BenchmarkSeeders with 8, of which one stops to answer, one
// sends 1 KiB/s and one falsifies every 50th block. %sum is of the other five.
func BenchmarkFaulty(b *testing.B) {
	for _, kind := range []swarmtest.Kind{swarmtest.V1, swarmtest.V2} {
		t := swarmtest.MakeFile(b, kind, "payload.bin", 160<<20, 256<<10)
		b.Run(string(kind), func(b *testing.B) {
			for b.Loop() {
				stalls := &swarmtest.Seeder{Torrent: t, Request: func(s *swarmtest.Session, blk wire.Block) error {
					if s.Seen > 100 {
						return nil
					}
					return s.Answer(blk)
				}}
				corrupts := &swarmtest.Seeder{Torrent: t, Filter: func(s *swarmtest.Session, _ wire.Block, data []byte) []byte {
					if s.Sent%50 == 49 {
						data = append([]byte(nil), data...)
						data[0] ^= 1
					}
					return data
				}}
				slow := swarmtest.Serve(b, swarmtest.Honest(t))
				via := append(uplinks(b, t, 5),
					uplink(b, swarmtest.Serve(b, stalls.Behave).Addr, seederRate),
					uplink(b, swarmtest.Serve(b, corrupts.Behave).Addr, seederRate),
					uplink(b, slow.Addr, 1<<10))
				readFrom(b, t, behind(b, via), 5)
			}
		})
	}
}
