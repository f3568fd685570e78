package swarm

import (
	"math"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/picker"
)

const (
	// firstDepth is how many blocks are asked of a peer nothing is known of.
	firstDepth = 16
	// maxDepth bounds the blocks asked of one peer.
	maxDepth = 2000
	// slowest is the least rate that is reckoned with, in bytes per second.
	slowest = 128
	// unknownFor is how long a peer that owes blocks and has never sent one
	// may be thought as quick as others.
	unknownFor = 500 * time.Millisecond
)

// down is the receiving side of a remote: what was asked of it and how it
// answers. Owned by the loop.
type down struct {
	asked    map[picker.Block]time.Time // when each was asked for
	twice    map[picker.Block]bool      // asked for anew: which answer comes nobody knows
	unasked  int                        // bytes of blocks that were not
	blocks   int                        // that came
	faults   faults
	window   int           // blocks, while it grows with each that comes; 0: no more
	round    round         // of that growth
	minRTT   time.Duration // shortest time from request to block
	rate     float64       // bytes per second, averaged
	peak     float64       // highest recent rate
	bytes    int64         // since the last tick
	lastTick time.Time
	owing    owing
	lastGot  time.Time // last block, or the first request after a pause
	chokedAt time.Time
	snubbed  bool
	refusals int       // times that it refused all it was asked for, since a block came
	pause    time.Time // ask nothing before, after rejects
}

func newDown(now time.Time) down {
	return down{asked: map[picker.Block]time.Time{}, twice: map[picker.Block]bool{}, window: firstDepth, chokedAt: now}
}

// owing is the time in which a peer owed us blocks: idle, it is not slow.
type owing struct {
	since time.Time     // until now; zero: it owes none
	sum   time.Duration // since the last tick
	lead  time.Duration // of what is to come, the round trip before the first block
}

// begins notes that the first block is asked for.
func (o *owing) begins(now time.Time, rtt time.Duration) { o.since, o.lead = now, rtt }

// counts adds up until now; owed tells whether blocks are still owed.
func (o *owing) counts(now time.Time, owed bool) {
	if !o.since.IsZero() {
		o.sum += now.Sub(o.since)
		o.since = now
	}
	if !owed {
		o.since = time.Time{}
	}
}

// take returns for how long bytes were coming since the last call: the round
// trips left out that it took for the first of them, but never most of the
// time, as those vary.
func (o *owing) take(bytes int64) time.Duration {
	lead := min(o.lead, o.sum)
	net := o.sum - lead
	if o.lead -= lead; bytes > 0 {
		net = max(net, o.sum/4, time.Millisecond)
	}
	o.sum = 0
	return net
}

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
func (d *down) depth(reqq int, spare time.Duration) int {
	if d.snubbed {
		return 1
	}
	if d.blocks == 0 {
		return min(d.window, reqq)
	}
	const block = float64(hashing.BlockSize)
	n := 2*d.peak*d.minRTT.Seconds()/block + min(d.peak*spare.Seconds(), maxSpare)/block + 4
	most := math.Max(2, 3*d.rate/block)
	if d.window > 0 {
		n, most = math.Max(n, float64(d.window)), math.Max(most, firstDepth)
	}
	return max(1, min(int(math.Min(n, most)), reqq, maxDepth))
}

// grow is slow start: it ends once a round trip brings hardly more than the
// one before.
func (d *down) grow(now time.Time) {
	if d.window == 0 {
		return
	}
	d.window++
	k := &d.round
	if k.since.IsZero() {
		k.since = now
	}
	k.blocks++
	if now.Sub(k.since) < max(d.minRTT, tickEvery) {
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
func (d *down) measure(now time.Time) {
	d.owing.counts(now, len(d.asked) > 0)
	net := d.owing.take(d.bytes)
	inst := 0.0
	if net > 0 {
		inst = float64(d.bytes) / net.Seconds()
	}
	if d.blocks > 0 && net > 0 {
		d.rate = math.Max(d.rate+(inst-d.rate)*0.25, slowest)
	} else if d.late(now) > unknownFor {
		d.rate = slowest
	}
	if d.blocks > 0 && inst > d.rate && d.rate < inst/4 {
		d.rate = inst / 2 // the first measures count for more
	}
	d.peak = math.Max(math.Max(inst, d.peak*0.98), d.rate)
	d.bytes, d.lastTick = 0, now
}

// rejected lets a peer that refuses all it is asked for rest, ever longer.
func (d *down) rejected(now time.Time) {
	if len(d.asked) == 0 {
		d.refusals++
		d.pause = now.Add(min(50*time.Millisecond<<min(d.refusals, 10), snubAfter))
	}
}

// late is for how long the peer has owed blocks and sent none, beyond what
// its delay and its rate explain.
func (d *down) late(now time.Time) time.Duration {
	if len(d.asked) == 0 {
		return 0
	}
	explained := d.minRTT + 50*time.Millisecond
	if d.peak > 0 {
		explained += time.Duration(2 * hashing.BlockSize / d.peak * float64(time.Second))
	}
	return max(0, now.Sub(d.lastGot)-explained)
}
