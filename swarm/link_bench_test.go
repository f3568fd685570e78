package swarm

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// chunkRead is how much is read at once in order: as much as the kernel asks
// a mount for.
const chunkRead = 128 << 10

// mbit is a rate in bytes per second.
func mbit(n int64) int64 { return n * 1_000_000 / 8 }

// plainStream is how long one plain TCP stream takes to carry n bytes over a
// link, from the dial to the last byte.
func plainStream(b *testing.B, link *swarmtest.Link, n int64) time.Duration {
	b.Helper()
	ln, err := net.Listen("tcp", netip.AddrPortFrom(swarmtest.Host(), 0).String())
	if err != nil {
		b.Error(err)
		return time.Hour
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.Read(make([]byte, 1)) // as one asks for a file
		io.CopyN(c, endless{}, n)
	}()
	via := link.TCP(b, netip.AddrPort{}, ln.Addr().(*net.TCPAddr).AddrPort())
	began := time.Now()
	c, err := net.Dial("tcp", via.String())
	if err != nil {
		b.Error(err)
		return time.Hour
	}
	defer c.Close()
	c.Write([]byte{0})
	if got, err := io.Copy(io.Discard, c); err != nil || got != n {
		b.Errorf("%d bytes, %v", got, err)
	}
	return time.Since(began)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// readThrough reads a file in order, as a mount does for `dd`, and returns the
// longest that one read took. The first is left out: it waits for the
// connection too.
func readThrough(b *testing.B, tor *Torrent, size int64) (worst time.Duration) {
	b.Helper()
	r := tor.NewReader(0)
	defer r.Close()
	buf := make([]byte, chunkRead)
	for off := int64(0); off < size; off += chunkRead {
		at := time.Now()
		if n, err := r.ReadAt(context.Background(), buf, off); err != nil && err != io.EOF || n == 0 {
			b.Fatalf("at %d: %d bytes, %v", off, n, err)
		}
		if off > 0 {
			worst = max(worst, time.Since(at))
		}
	}
	return worst
}

// reportWaste reports what of the payload that came was of no use.
func reportWaste(b *testing.B, tor *Torrent) {
	if s := tor.Stats(); s.Received > 0 {
		b.ReportMetric(100*float64(s.Wasted)/float64(s.Received), "%waste")
	}
}

// BenchmarkWANStream fetches 128 MiB from one seeder over a link of 100 Mbit/s,
// whole and by reading in order. %plain is the rate, from the start to the
// last byte, of what a plain TCP stream reached over the same link just before.
func BenchmarkWANStream(b *testing.B) {
	const size = 128 << 20
	payload := randomBytes(size)
	v1, v2 := torrents(b, payload, 256<<10)
	for _, rtt := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond} {
		shape := swarmtest.Shape{Delay: rtt / 2, Rate: mbit(100)}
		for _, how := range []string{"get", "read"} {
			for name, m := range map[string]*metainfo.MetaInfo{"v1": v1, "v2": v2} {
				b.Run(fmt.Sprintf("%v/%s/%s", rtt, how, name), func(b *testing.B) {
					a := client(b, swarmtest.Host().String())
					add(b, a, Spec{MetaInfo: m, Storage: full(m.Info, payload).open})
					via := swarmtest.NewLink(shape).TCP(b, netip.AddrPort{}, a.Addr())
					for b.Loop() {
						plain := plainStream(b, swarmtest.NewLink(shape), size)
						c := client(b, swarmtest.Host().String())
						began := time.Now()
						tor := add(b, c, Spec{MetaInfo: m, Storage: (&memory{}).open, Everything: how == "get", Peers: []netip.AddrPort{via}})
						if how == "get" {
							if err := tor.Wait(context.Background()); err != nil {
								b.Fatal(err)
							}
						} else {
							readThrough(b, tor, size)
						}
						b.ReportMetric(100*plain.Seconds()/time.Since(began).Seconds(), "%plain")
						reportWaste(b, tor)
						c.Close()
					}
				})
			}
		}
	}
}
