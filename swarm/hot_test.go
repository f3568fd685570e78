package swarm

import (
	"bytes"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"p2pfs/swarm/assembly"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/swarmtest"
)

// blocksOf cuts a piece into buffers of a pool.
func blocksOf(pool *peer.Pool, data []byte) assembly.Span {
	var s assembly.Span
	for len(data) > 0 {
		b := pool.Get(min(len(data), hashing.BlockSize))
		data = data[copy(b.Bytes(), data):]
		s.Blocks = append(s.Blocks, b)
	}
	return s
}

func TestHotLends(t *testing.T) {
	const size = 5*hashing.BlockSize + 77
	data := randomBytes(size)
	for _, r := range [][2]int{{0, size}, {0, 1}, {1, hashing.BlockSize}, {hashing.BlockSize - 1, 2}, {size - 1, 1}, {3 * hashing.BlockSize, hashing.BlockSize}} {
		pool, h := &peer.Pool{}, &hot{all: new(atomic.Int64)}
		s := blocksOf(pool, data)
		h.add(7, s, time.Now())
		s.Release()
		if _, _, ok := h.lend(6, 0, 1, nil, nil); ok {
			t.Error("lends a piece that it has not")
		}
		parts, held, ok := h.lend(7, int64(r[0]), int64(r[1]), nil, nil)
		if got := bytes.Join(parts, nil); !ok || !bytes.Equal(got, data[r[0]:r[0]+r[1]]) {
			t.Errorf("%d bytes at %d: got %d others, %t", r[1], r[0], len(got), ok)
		}
		if _, _, again := h.lend(7, 0, 1, nil, nil); again == (r[0]+r[1] > size-77) {
			t.Errorf("%d bytes at %d: is there after it was read: %t", r[1], r[0], again)
		} else if again {
			s.Blocks[0].Release()
		}
		for _, b := range held {
			b.Release()
		}
		h.expire(time.Time{})
		if pool.Out() != 0 {
			t.Errorf("%d bytes at %d: %d not given back", r[1], r[0], pool.Out())
		}
	}
}

// TestHotIsBounded: what does not fit is not taken, and what nobody reads goes.
func TestHotIsBounded(t *testing.T) {
	pool, h, now := &peer.Pool{}, &hot{all: new(atomic.Int64)}, time.Now()
	data := make([]byte, 1<<20)
	for i := range 2 * maxHot >> 20 {
		s := blocksOf(pool, data)
		h.add(i, s, now)
		s.Release()
	}
	if pool.Out() != maxHot {
		t.Errorf("holds %d bytes, want %d", pool.Out(), maxHot)
	}
	h.expire(now.Add(hotFor))
	if pool.Out() != maxHot {
		t.Errorf("holds %d bytes in time, want %d", pool.Out(), maxHot)
	}
	h.expire(now.Add(hotFor + 1))
	if pool.Out() != 0 || h.all.Load() != 0 {
		t.Errorf("holds %d bytes after its time, %d by its count", pool.Out(), h.all.Load())
	}
}

// TestReadInOrderIsLent: what is read in order comes out of memory for the most
// part, is right, and is given back.
func TestReadInOrderIsLent(t *testing.T) {
	t.Parallel()
	payload := randomBytes(8<<20 + 12345)
	v1, _ := torrents(t, payload, 256<<10)
	a := client(t, swarmtest.Host().String())
	add(t, a, Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open})
	c := client(t, swarmtest.Host().String())
	tor := add(t, c, Spec{MetaInfo: v1, Storage: (&memory{}).open, Peers: []netip.AddrPort{a.Addr()}})
	r := tor.NewReader(0)
	lent := 0
	for off := 0; off < len(payload); {
		n := min(128<<10, len(payload)-off)
		got := make([]byte, n)
		if parts, release, ok := r.Lend(int64(off), n); ok {
			got = bytes.Join(parts, nil)
			release()
			lent += n
		} else if _, err := r.ReadAt(soon(t), got, int64(off)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, payload[off:off+n]) {
			t.Fatalf("%d bytes at %d are others", n, off)
		}
		off += n
	}
	if lent == 0 {
		t.Error("nothing was lent")
	}
	for _, bad := range [][2]int64{{-1, 10}, {int64(len(payload)) - 5, 6}, {0, 0}, {1 << 60, 1}} {
		if _, _, ok := r.Lend(bad[0], int(bad[1])); ok {
			t.Errorf("lends %d bytes at %d", bad[1], bad[0])
		}
	}
	r.Close()
	c.Close()
	if out := c.bandwidth.pool.Out(); out != 0 {
		t.Errorf("%d bytes not given back", out)
	}
}
