package assembly

import (
	"math"
	"time"

	"p2pfs/swarm/hashing"
)

// round is a round trip of slow start.
type round struct {
	since        time.Time
	blocks, last int // that came in this one, and in the one before
	still        int // rounds in a row that brought hardly more
}

// depth is how many blocks should be asked of the peer at once: twice what
// its rate and delay hold, so that the rate can double each round trip, and
// never more than some seconds' worth. While the peer is new the depth grows
// by a block for each that comes, as TCP's window does (RFC 5681).
func (d *Requests) depth(reqq int, spare time.Duration) int {
	if d.Snubbed {
		return 1
	}
	if d.Blocks == 0 {
		return min(d.window, reqq)
	}
	const block = float64(hashing.BlockSize)
	n := 2*d.peak*d.minRTT.Seconds()/block + min(d.peak*spare.Seconds(), maxSpare)/block + 4
	most := math.Max(2, 3*d.Rate/block)
	if d.window > 0 {
		n, most = math.Max(n, float64(d.window)), math.Max(most, firstDepth)
	}
	return max(1, min(int(math.Min(n, most)), reqq, maxDepth))
}

// grow is slow start: it ends once a round trip brings hardly more than the
// one before.
func (d *Requests) grow(now time.Time) {
	if d.window == 0 {
		return
	}
	d.window++
	k := &d.round
	if k.since.IsZero() {
		k.since = now
	}
	k.blocks++
	if now.Sub(k.since) < max(d.minRTT, roundAtLeast) {
		return
	}
	if 4*k.blocks < 5*k.last {
		k.still++
	} else {
		k.still = 0
	}
	if k.still == 2 {
		d.window = 0
	}
	k.since, k.last, k.blocks = now, k.blocks, 0
}

// measure takes the rate of the time in which blocks were owed.
func (d *Requests) measure(now time.Time) {
	d.owing.counts(now, len(d.asked) > 0)
	net := d.owing.take(d.bytes)
	inst := 0.0
	if net > 0 {
		inst = float64(d.bytes) / net.Seconds()
	}
	if d.Blocks > 0 && net > 0 {
		d.Rate = math.Max(d.Rate+(inst-d.Rate)*0.25, slowest)
	} else if d.Late(now) > unknownFor {
		d.Rate = slowest
	}
	if d.Blocks > 0 && inst > d.Rate && d.Rate < inst/4 {
		d.Rate = inst / 2 // the first measures count for more
	}
	d.peak = math.Max(math.Max(inst, d.peak*0.98), d.Rate)
	d.bytes, d.lastTick = 0, now
}

// Late is for how long the peer has owed blocks and sent none, beyond what
// its delay and its rate explain.
func (d *Requests) Late(now time.Time) time.Duration {
	if len(d.asked) == 0 {
		return 0
	}
	explained := d.minRTT + 50*time.Millisecond
	if d.peak > 0 {
		explained += time.Duration(2 * hashing.BlockSize / d.peak * float64(time.Second))
	}
	return max(0, now.Sub(d.LastGot)-explained)
}
