package swarm

import (
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/swarmtest"
)

// limited starts a Client with limits.
func limited(t *testing.T, up, down int64) *Client {
	t.Helper()
	c, err := New(Config{Listen: swarmtest.Host().String() + ":0", UploadLimit: up, DownloadLimit: down})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestLimits measures transfers on real sockets. What a limiter gives out at
// once in the beginning does not count.
func TestLimits(t *testing.T) {
	const burst, size = 256 << 10, 2 << 20
	for _, c := range []struct {
		name             string
		seeders          int
		up, down, expect int64
	}{
		{"upload", 1, 1 << 20, 0, 1 << 20},
		{"download", 3, 0, 512 << 10, 512 << 10},
		{"download of one seeder", 1, 0, 1 << 20, 1 << 20},
		{"both", 1, 4 << 20, 1 << 20, 1 << 20},
		{"far above", 1, 1 << 40, 1 << 40, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			payload := randomBytes(size)
			v1, _ := torrents(t, payload, 64<<10)
			var peers []netip.AddrPort
			for range c.seeders {
				s := limited(t, c.up, 0)
				add(t, s, Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open})
				peers = append(peers, s.Addr())
			}
			began := time.Now()
			tor := add(t, limited(t, 0, c.down), Spec{MetaInfo: v1, Storage: (&memory{}).open, Everything: true, Peers: peers})
			if err := tor.Wait(soon(t)); err != nil {
				t.Fatal(err)
			}
			got := float64(size-burst) / time.Since(began).Seconds()
			check(t, tor, payload)
			if c.expect > 0 && (got > 1.1*float64(c.expect)) {
				t.Errorf("%.0f bytes/s, want %d", got, c.expect)
			}
			eventually(t, "all counted", func() bool { return tor.Stats().Received >= size })
			t.Logf("%.0f bytes/s, %d received", got, tor.Stats().Received)
			if n := tor.Stats().Received; n > size+512<<10 { // the endgame's duplicates
				t.Errorf("received %d bytes of %d", n, size)
			}
		})
	}
}

// TestLimitedSeederIsFair: what it sends in all is limited, whoever asks.
func TestLimitedSeederIsFair(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	payload := randomBytes(8 << 20)
	v1, _ := torrents(t, payload, 64<<10)
	s := limited(t, limit, 0)
	add(t, s, Spec{MetaInfo: v1, Storage: full(v1.Info, payload).open})
	var all []*Torrent
	began := time.Now()
	for range 3 {
		all = append(all, add(t, limited(t, 0, 0), Spec{MetaInfo: v1, Storage: (&memory{}).open, Everything: true, Peers: []netip.AddrPort{s.Addr()}}))
	}
	var sent int64
	eventually(t, "3 MiB sent", func() bool { _, sent = s.Transferred(); return sent >= 3<<20 })
	got := float64(sent-256<<10) / time.Since(began).Seconds()
	if got > 1.1*limit {
		t.Errorf("%.0f bytes/s, want %d", got, limit)
	}
	for i, tor := range all {
		if n := tor.Stats().Received; n < sent/6 {
			t.Errorf("leecher %d of 3 got %d of %d bytes", i, n, sent)
		}
	}
}

// TestUploadOfOthers: what others send from here passes the limit and is counted.
func TestUploadOfOthers(t *testing.T) {
	c, err := New(Config{Listen: "127.0.0.1:0", UploadLimit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	for range 100 {
		if err := c.Upload(t.Context(), 16<<10); err != nil {
			t.Fatal(err)
		}
	}
	if d := time.Since(began); d < time.Second { // but for a burst of 256 KiB
		t.Errorf("1600 KiB took %v at 1 MiB a second", d)
	}
	if _, sent := c.Transferred(); sent != 100*16<<10 {
		t.Errorf("%d bytes counted", sent)
	}
}
