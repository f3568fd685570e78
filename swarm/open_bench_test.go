package swarm

import (
	"context"
	"math/rand"
	"net/netip"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/tracker/trackertest"
)

// middle is the median of some durations, last the one that 99 of 100 do not
// exceed.
func middle(d []time.Duration) (median, last time.Duration) {
	slices.Sort(d)
	return d[len(d)/2], d[len(d)*99/100]
}

// BenchmarkOpen is the time from opening a file, as one does that a catalogue
// names, to its first byte, over 50 ms and 100 Mbit/s: when the holder is known,
// and when only a tracker as far away tells of it. RTT are round trips of 50 ms.
func BenchmarkOpen(b *testing.B) {
	const rtt = 50 * time.Millisecond
	payload := randomBytes(64 << 20)
	_, m := torrents(b, payload, 1<<20)
	a := client(b, swarmtest.Host().String())
	link := swarmtest.NewLink(swarmtest.Shape{Delay: rtt / 2, Rate: mbit(100)})
	via := link.TCP(b, netip.AddrPort{}, a.Addr())
	add(b, a, Spec{MetaInfo: m, Storage: full(m.Info, payload).open})
	tr := trackertest.New(b)
	tr.Script(func(trackertest.Request) trackertest.Reply { return trackertest.Reply{Peers: []netip.AddrPort{via}} })
	url := "udp://" + link.UDP(b, netip.AddrPort{}, tr.Addr()).String() + "/announce"
	nobody := func(context.Context) []netip.AddrPort { return nil }
	for name, s := range map[string]Spec{
		"known":   {Peers: []netip.AddrPort{via}},
		"tracker": {Trackers: []string{url}, FindPeers: nobody},
	} {
		b.Run(name, func(b *testing.B) {
			var all []time.Duration
			for b.Loop() {
				for range 5 {
					c := client(b, swarmtest.Host().String())
					s.MetaInfo, s.Storage, s.Announce = &metainfo.MetaInfo{Info: m.Info}, (&memory{}).open, OnNeed
					began := time.Now()
					r := add(b, c, s).NewReader(0)
					if _, err := r.ReadAt(context.Background(), make([]byte, 4096), 0); err != nil {
						b.Fatal(err)
					}
					all = append(all, time.Since(began))
					c.Close()
				}
			}
			median, _ := middle(all)
			b.ReportMetric(float64(median)/float64(rtt), "RTT")
			b.ReportMetric(float64(median.Microseconds())/1000, "ms")
		})
	}
}

// BenchmarkRandom reads 4 KiB at random places of a v1 torrent with pieces of
// 256 KiB from one libtorrent seeder: on loopback, and over 50 ms and 100 Mbit/s.
// A read waits for its whole piece, as SHA-1 proves no less.
func BenchmarkRandom(b *testing.B) {
	const size, piece = 256 << 20, 256 << 10
	t := swarmtest.MakeFile(b, swarmtest.V1, "payload.bin", size, piece)
	dir := b.TempDir()
	t.WritePayload(b, dir)
	seeder := swarmtest.LibtorrentSeed(b, swarmtest.Run{Torrent: t.WriteTorrent(b, b.TempDir()), Dir: dir})
	const rtt = 50 * time.Millisecond
	link := swarmtest.NewLink(swarmtest.Shape{Delay: rtt / 2, Rate: mbit(100)})
	for name, addr := range map[string]netip.AddrPort{"loopback": seeder.Addr, "50ms": link.TCP(b, netip.AddrPort{}, seeder.Addr)} {
		b.Run(name, func(b *testing.B) {
			var all []time.Duration
			rng := rand.New(rand.NewSource(1))
			for b.Loop() {
				c := client(b, swarmtest.Host().String())
				tor := add(b, c, Spec{MetaInfo: t.Meta, Storage: (&memory{}).open, Peers: []netip.AddrPort{addr}})
				for i := range 200 {
					r, at := tor.NewReader(0), time.Now()
					if _, err := r.ReadAt(context.Background(), make([]byte, 4096), rng.Int63n(size-4096)); err != nil {
						b.Fatal(err)
					}
					if i > 0 {
						all = append(all, time.Since(at))
					}
					r.Close()
				}
				reportWaste(b, tor)
				c.Close()
			}
			median, last := middle(all)
			b.ReportMetric(float64(median.Microseconds())/1000, "ms/read")
			b.ReportMetric(float64(last.Microseconds())/1000, "ms/read-p99")
			b.ReportMetric(float64(median)/float64(rtt), "RTT/read")
		})
	}
}
