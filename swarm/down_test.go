package swarm

import (
	"testing"
	"time"

	"p2pfs/swarm/hashing"
)

// TestSlowStartEnds: the depth grows while each round trip brings more, and
// stops growing at the rate of the link, be it a block a round.
func TestSlowStartEnds(t *testing.T) {
	for _, tt := range []struct {
		rtt      time.Duration
		rate     int // blocks a round trip
		min, max int // of the depth in the end
	}{
		{200 * time.Millisecond, 150, 300, 400},
		{200 * time.Millisecond, 1, 2, 2 * firstDepth},
		{200 * time.Millisecond, 3, 6, 2 * firstDepth},
		{100 * time.Millisecond, 20, 40, 60},
	} {
		now := time.Now()
		d := newDown(now)
		d.minRTT, d.lastTick = tt.rtt, now
		grown := 0
		for range 40 {
			for range min(tt.rate, d.depth(1000, spareTime)) {
				now = now.Add(tt.rtt / time.Duration(tt.rate))
				d.blocks++
				d.bytes += hashing.BlockSize
				d.owing.since = now.Add(-tt.rtt / time.Duration(tt.rate))
				d.owing.counts(now, true)
				d.grow(now)
			}
			d.measure(now)
			grown = max(grown, d.depth(1000, spareTime))
		}
		if d.window != 0 {
			t.Errorf("%d blocks a round trip: still growing at %d", tt.rate, d.window)
		}
		if n := d.depth(1000, spareTime); n < tt.min || n > tt.max {
			t.Errorf("%d blocks a round trip: depth %d (%d at most), want %d to %d", tt.rate, n, grown, tt.min, tt.max)
		}
	}
}
