package swarm

import (
	"context"
	"net/netip"
	"testing"

	"p2pfs/swarm/metainfo"
)

// discard is a Storage that remembers which pieces it was given, not what was
// in them.
type discard struct{ memory }

func (d *discard) WritePiece(i int, _ [][]byte) error {
	return d.memory.WritePiece(i, [][]byte{{}})
}

func (d *discard) open(*metainfo.MetaInfo) (Storage, error) {
	d.pieces = map[int][]byte{}
	return d, nil
}

// BenchmarkFetch moves 256 MiB from one Client to another in this process:
// the engine alone, both sides of it, without a disk.
func BenchmarkFetch(b *testing.B) {
	const size = 256 << 20
	payload := randomBytes(size)
	for _, pieceLength := range []int64{256 << 10, 1 << 20} {
		v1, v2 := torrents(b, payload, pieceLength)
		for name, m := range map[string]*metainfo.MetaInfo{"v1": v1, "v2": v2} {
			b.Run(name+"/"+sizeName(pieceLength), func(b *testing.B) {
				a := client(b, "127.0.0.2")
				add(b, a, Spec{MetaInfo: m, Storage: full(m.Info, payload).open})
				b.SetBytes(size)
				for b.Loop() {
					c := client(b, "127.0.0.3")
					d := &discard{}
					tor := add(b, c, Spec{MetaInfo: m, Storage: d.open, Everything: true, Peers: []netip.AddrPort{a.Addr()}})
					if err := tor.Wait(context.Background()); err != nil {
						b.Fatal(err)
					}
					c.Close()
				}
			})
		}
	}
}

func sizeName(n int64) string {
	if n < 1<<20 {
		return "256K"
	}
	return "1M"
}
