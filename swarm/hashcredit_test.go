package swarm

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/netgroup"
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

// TestHashCredit: a group has so much hashed for it, more with time and with what
// it takes, and others are not the worse for it.
func TestHashCredit(t *testing.T) {
	h, now := newHashCredits(), time.Unix(1e9, 0)
	a, b := netgroup.Of(netip.MustParseAddr("203.0.113.1")), netgroup.Of(netip.MustParseAddr("198.51.100.1"))
	n := 0
	for h.spend(a, 1<<20, now) {
		n++
	}
	if n != hashCredit>>20 || !h.spend(b, 1<<20, now) {
		t.Errorf("%d MiB hashed for one group", n)
	}
	if h.pays(a, 16<<10); !h.spend(a, 1<<20, now) || h.spend(a, 1<<20, now) {
		t.Error("a block does not pay for a MiB")
	}
	if now = now.Add(time.Second); !h.spend(a, hashPerSecond, now) || h.spend(a, 1, now) {
		t.Error("a second does not pay")
	}
	for i := range 2 * maxHashGroups {
		h.spend(netgroup.Of(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})), 1, now)
	}
	if len(h.spent) > maxHashGroups {
		t.Errorf("%d groups are remembered", len(h.spent))
	}
}
