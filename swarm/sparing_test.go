package swarm

import (
	"bytes"
	"net/netip"
	"testing"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
)

// TestSparing reads the head of a file in order, sparing: of a v2 torrent just
// those blocks come, of a v1 torrent the pieces they lie in, and the rest of a
// piece does not follow. A v2 connection with a hash request for one piece
// brings some blocks before anything can be verified, so a block may come more.
func TestSparing(t *testing.T) {
	payload := randomBytes(4 << 20)
	v1, v2 := torrents(t, payload, 256<<10)
	for _, tt := range []struct {
		meta *metainfo.MetaInfo
		most int64
	}{{v1, 256 << 10}, {v2, 4 * hashing.BlockSize}} {
		a, b := client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String())
		add(t, a, Spec{MetaInfo: tt.meta, Storage: full(tt.meta.Info, payload).open})
		tor := add(t, b, Spec{MetaInfo: tt.meta, Storage: (&memory{}).open, Peers: []netip.AddrPort{a.Addr()}})
		r := tor.NewReader(0)
		defer r.Close()
		buf := make([]byte, 4096)
		for off := int64(0); off < 3*hashing.BlockSize; off += 4096 {
			if _, err := r.ReadAt(Sparing(soon(t)), buf, off); err != nil || !bytes.Equal(buf, payload[off:off+4096]) {
				t.Fatalf("at %d: %v", off, err)
			}
		}
		done := false
		tor.post(probeEvent(func(l *loop) {
			done = !l.reads.Active()
		}))
		eventually(t, "stats", func() bool { return tor.Stats().Received >= 3*hashing.BlockSize })
		if n := tor.Stats().Received; n > tt.most {
			t.Errorf("v2 %v: fetched %d bytes, want %d at most", tt.meta.Info.V2, n, tt.most)
		}
		tor.Close()
		if !done {
			t.Errorf("v2 %v: more is to be fetched", tt.meta.Info.V2)
		}
	}
}

// probeEvent looks at a loop from a test.
type probeEvent func(*loop)

func (e probeEvent) apply(l *loop) { e(l) }
