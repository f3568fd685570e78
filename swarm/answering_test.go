package swarm

import (
	"net/netip"
	"sync/atomic"
	"testing"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/swarmtest"
	"p2pfs/swarm/wire"
)

// counting counts the bytes read of a Storage.
type counting struct {
	Storage
	read atomic.Int64
}

func (c *counting) ReadAt(p []byte, piece int, begin int64) (int, error) {
	c.read.Add(int64(len(p)))
	return c.Storage.ReadAt(p, piece, begin)
}

// TestLeafRequestsAreKept: whoever asks for the same leaves again and again has
// each piece read once.
func TestLeafRequestsAreKept(t *testing.T) {
	payload := randomBytes(4 << 20)
	_, v2 := torrents(t, payload, 1<<20)
	c := client(t, swarmtest.Host().String())
	store := &counting{Storage: full(v2.Info, payload)}
	add(t, c, Spec{MetaInfo: v2, Announce: Never, Storage: func(*metainfo.MetaInfo) (Storage, error) { return store, nil }})
	p := talk(t, c, v2.Info.HashV2.Short(), 0)
	for i := range 200 {
		q := hashing.HashRequest{Root: v2.Info.Files[0].Root, Index: i % 4 * 64, Length: 64}
		p.send(wire.AppendHashRequest(nil, q))
		for {
			m, err := p.ReadMsg()
			if err != nil {
				t.Fatal(err)
			}
			if m.KeepAlive || m.ID != wire.MsgHashes && m.ID != wire.MsgHashReject {
				continue
			}
			if m.ID == wire.MsgHashReject {
				t.Fatalf("request %d is refused", i)
			}
			break
		}
	}
	if n := store.read.Load(); n != int64(len(payload)) {
		t.Errorf("%d bytes read for 200 requests, want %d", n, len(payload))
	}
}

// TestLayersDoNotWaitForLeaves: a piece layer is answered while leaves are hashed
// for others.
func TestLayersDoNotWaitForLeaves(t *testing.T) {
	payload := randomBytes(1 << 20)
	_, v2 := torrents(t, payload, 64<<10)
	c := client(t, swarmtest.Host().String())
	c.hash.forOthers <- struct{}{}
	tor := add(t, c, Spec{MetaInfo: v2, Announce: Never, Storage: full(v2.Info, payload).open})
	if _, err := tor.Metadata(soon(t)); err != nil { // its storage is open then
		t.Fatal(err)
	}
	p := talk(t, c, v2.Info.HashV2.Short(), 0)
	for _, q := range v2.Info.Tree(0).LayerRequests() {
		p.send(wire.AppendHashRequest(nil, q))
	}
	for {
		m, err := p.ReadMsg()
		if err != nil {
			t.Fatal(err)
		}
		if !m.KeepAlive && m.ID == wire.MsgHashes {
			break
		}
	}
	<-c.hash.forOthers
}

// TestPiecesOfOneBlock fetches a magnet's torrent whose piece layer is its leaves.
func TestPiecesOfOneBlock(t *testing.T) {
	payload := randomBytes(100_000)
	_, v2 := torrents(t, payload, hashing.BlockSize)
	a, b := client(t, swarmtest.Host().String()), client(t, swarmtest.Host().String())
	add(t, a, Spec{MetaInfo: v2, Storage: full(v2.Info, payload).open})
	magnet := v2.Magnet()
	got := add(t, b, Spec{Magnet: &magnet, Storage: (&memory{}).open, Peers: []netip.AddrPort{a.Addr()}})
	check(t, got, payload)
}
