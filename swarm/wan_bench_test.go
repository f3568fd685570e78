package swarm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"math/rand"
	"net/netip"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// zeros is a Storage of a file of nothing but zeros.
type zeros struct{}

func (zeros) Has(int) bool { return true }

func (zeros) ReadAt(p []byte, _ int, _ int64) (int, error) { clear(p); return len(p), nil }

func (zeros) WritePiece(int, [][]byte) error { return nil }

func (zeros) Close() error { return nil }

// sparse makes the v2 torrent of zeros.
func sparse(b *testing.B, size, pieceLength int64) *metainfo.MetaInfo {
	leaf := sha256.Sum256(make([]byte, hashing.BlockSize))
	per := int(pieceLength / hashing.BlockSize)
	piece := hashing.Root(slices.Repeat([]metainfo.Hash256{leaf}, per), per)
	layer := slices.Repeat([]metainfo.Hash256{piece}, int(size/pieceLength))
	width := 1
	for width < len(layer) {
		width *= 2
	}
	root := hashing.Root(layer, width) // the layer is full: nothing is padded
	info, err := metainfo.BuildV2("sparse", size, pieceLength, root, metainfo.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return &metainfo.MetaInfo{Info: info, Layers: metainfo.Layers{root: layer}}
}

// BenchmarkWAN reads from one seeder over a link of 50 ms and 10 Mbit/s: the
// cold open of a file whose torrent is known from a catalogue entry, and
// random reads of 4 KiB. A round trip is 50 ms; what is fetched is counted in
// blocks of 16 KiB a read.
func BenchmarkWAN(b *testing.B) {
	m := sparse(b, 4<<30, 1<<20)
	a := client(b, swarmtest.Host().String())
	add(b, a, Spec{MetaInfo: m, Storage: func(*metainfo.MetaInfo) (Storage, error) { return zeros{}, nil }})
	const rtt = 50 * time.Millisecond
	link := swarmtest.NewLink(swarmtest.Shape{Delay: rtt / 2, Rate: 10_000_000 / 8})
	via := link.TCP(b, netip.AddrPort{}, a.Addr())
	rng := rand.New(rand.NewSource(1))
	var first, all []time.Duration
	var fetched int64
	for b.Loop() {
		c := client(b, swarmtest.Host().String())
		began := time.Now()
		tor := add(b, c, Spec{MetaInfo: &metainfo.MetaInfo{Info: m.Info}, Storage: (&memory{}).open, Peers: []netip.AddrPort{via}})
		r := tor.NewReader(0)
		buf, want := make([]byte, 4096), make([]byte, 4096)
		for i := range 40 {
			at := time.Now()
			if _, err := r.ReadAt(context.Background(), buf, rng.Int63n(4<<30-4096)); err != nil || !bytes.Equal(buf, want) {
				b.Fatal(err)
			}
			if i == 0 {
				first = append(first, time.Since(began))
			}
			all = append(all, time.Since(at))
		}
		c.Close()
		n, _ := c.Transferred()
		fetched += n
	}
	slices.Sort(first)
	slices.Sort(all)
	b.ReportMetric(float64(first[len(first)/2].Milliseconds()), "ms/open")
	b.ReportMetric(float64(all[len(all)/2])/float64(rtt), "RTT/read")
	b.ReportMetric(float64(all[len(all)*99/100])/float64(rtt), "RTT/read-p99")
	b.ReportMetric(float64(fetched)/float64(len(all))/hashing.BlockSize, "blocks/read")
}
