package assembly

import (
	"errors"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/picker"
)

const (
	// firstDepth is how many blocks are asked of a peer nothing is known of;
	firstDepth = 16
	// loneDepth if it is the only one, and nobody else could send them sooner.
	loneDepth = 64
	// maxDepth bounds the blocks asked of one peer.
	maxDepth = 2000
	// ahead of what bandwidth and delay ask for, so much time's worth of
	// blocks is asked, to ride out the peer's disk and our scheduling: more
	// of it while nobody reads, who would wait behind it.
	spareTime = 25 * time.Millisecond
	bulkTime  = 250 * time.Millisecond
	// maxSpare bounds that in bytes: on a fast link a long queue only costs the
	// peer time to look through.
	maxSpare = 4 << 20
	// slowest is the least rate that is reckoned with, in bytes per second.
	slowest = 128
	// measureEvery is how often the rate is measured, at most.
	measureEvery = 50 * time.Millisecond
	// roundAtLeast is the shortest round of slow start.
	roundAtLeast = 100 * time.Millisecond
	// unknownFor is how long a peer that owes blocks and has never sent one
	// may be thought as quick as others.
	unknownFor = 500 * time.Millisecond
	// snubAfter is how long a peer that owes us blocks may send none.
	snubAfter = 10 * time.Second
	// closeAfter is how long until it is closed, to be dialled anew.
	closeAfter = time.Minute
	// rejectTime is how long a peer that chokes us may take to reject what it
	// was asked for (BEP 6).
	rejectTime = 5 * time.Second
	// maxUnasked is how many bytes of blocks that were never asked for a
	// peer may send before it is closed.
	maxUnasked = 1 << 20
)

// Errors that end a connection.
var (
	// ErrSilent is a peer's that owes us blocks and sends none.
	ErrSilent = errors.New("owes blocks and sends none")
	// ErrUnasked is a peer's that sends too much that it was not asked for.
	ErrUnasked = errors.New("sends blocks that were not asked for")
)

// Requests is what was asked of a peer, and how it answers. What others must know
// of it to pick and to choke is kept in its picker.Peer.
type Requests struct {
	Blocks  int       // that came
	Rate    float64   // bytes per second, averaged
	LastGot time.Time // last block, or the first request after a pause
	Snubbed bool      // it owes blocks and has sent none for snubAfter
	Faults  Faults

	peer     *picker.Peer
	asked    map[picker.Block]time.Time // when each was asked for
	twice    map[picker.Block]bool      // asked for anew: which answer comes nobody knows
	counted  int                        // of asked, that Change has told of
	unasked  int                        // bytes of blocks that were not
	window   int                        // blocks, while it grows with each that comes; 0: no more
	round    round                      // of that growth
	minRTT   time.Duration              // shortest time from request to block
	peak     float64                    // highest recent rate
	bytes    int64                      // since the last tick
	lastTick time.Time
	owing    owing
	chokedAt time.Time
	refusals int       // times that it refused all it was asked for, since a block came
	pause    time.Time // ask nothing before, after rejects
}

// NewRequests returns those of a peer that was asked for nothing.
func NewRequests(p *picker.Peer, now time.Time) *Requests {
	return &Requests{
		peer: p, asked: map[picker.Block]time.Time{}, twice: map[picker.Block]bool{},
		window: firstDepth, chokedAt: now, lastTick: now,
	}
}

// Len is how many blocks the peer owes us.
func (d *Requests) Len() int { return len(d.asked) }

// Change is by how much Len has grown since the last call.
func (d *Requests) Change() int {
	n := len(d.asked) - d.counted
	d.counted += n
	return n
}

// Asked reports whether the peer owes us a block.
func (d *Requests) Asked(b picker.Block) bool { _, ok := d.asked[b]; return ok }

// AskedOf reports whether the peer owes us some block of a piece.
func (d *Requests) AskedOf(piece int) bool {
	for b := range d.asked {
		if b.Piece == piece {
			return true
		}
	}
	return false
}

// Ask notes that blocks are asked for.
func (d *Requests) Ask(blocks []picker.Block, now time.Time) {
	if len(d.asked) == 0 {
		d.LastGot = now
		d.owing.begins(now, d.minRTT)
	}
	for _, b := range blocks {
		d.asked[b] = now
	}
	d.peer.Queued = len(d.asked) * hashing.BlockSize
}

// Got takes the measure of a block of n bytes that was asked for and came.
func (d *Requests) Got(b picker.Block, n int, now time.Time) {
	asked := d.asked[b]
	d.forget(b, now)
	d.Blocks++
	d.bytes += int64(n)
	d.LastGot, d.Snubbed, d.refusals = now, false, 0
	d.grow(now)
	if d.twice[b] {
		delete(d.twice, b)
	} else if rtt := now.Sub(asked); d.minRTT == 0 || rtt < d.minRTT {
		d.minRTT = max(rtt, 100*time.Microsecond)
		d.peer.RTT = d.minRTT
		if d.Blocks == 1 { // it is known to answer, and at least so quickly
			d.Rate = float64(hashing.BlockSize) / max(rtt, time.Millisecond).Seconds()
			d.peer.Rate = d.Rate
		}
	}
}

func (d *Requests) forget(b picker.Block, now time.Time) {
	delete(d.asked, b)
	d.peer.Queued = len(d.asked) * hashing.BlockSize
	if len(d.asked) == 0 {
		d.owing.counts(now, false)
	}
}

// Drop forgets a block that the peer will not send. It returns the block alone,
// as DropAll returns many: the picker is to hear of it.
func (d *Requests) Drop(b picker.Block, now time.Time) []picker.Block {
	d.forget(b, now)
	return []picker.Block{b}
}

// DropAll forgets what was asked of a peer that choked us. It may have
// answered all the same.
func (d *Requests) DropAll(now time.Time) (blocks []picker.Block) {
	if len(d.twice) > maxDepth {
		clear(d.twice)
	}
	for b := range d.asked {
		d.forget(b, now)
		d.twice[b] = true
		blocks = append(blocks, b)
	}
	d.asked = map[picker.Block]time.Time{} // a map does not shrink
	return blocks
}

// Choked notes that the peer chokes or unchokes us.
func (d *Requests) Choked(now time.Time) { d.chokedAt = now }

// Rejected lets a peer that refuses all it is asked for rest, ever longer.
func (d *Requests) Rejected(now time.Time) {
	if len(d.asked) == 0 {
		d.refusals++
		d.pause = now.Add(min(50*time.Millisecond<<min(d.refusals, 10), snubAfter))
	}
}

// Paused reports whether the peer is to be asked for nothing now.
func (d *Requests) Paused(now time.Time) bool { return now.Before(d.pause) }

// Unasked notes n bytes that came and were not asked for.
func (d *Requests) Unasked(n int) error {
	if d.unasked += n; d.unasked > maxUnasked {
		return ErrUnasked
	}
	return nil
}

// Excuse says that n bytes may come that are not asked for any more.
func (d *Requests) Excuse(n int) { d.unasked -= n }

// Overdue is what a Tick finds of blocks that do not come.
type Overdue struct {
	Dropped []picker.Block // it will not send these
	Snubbed []picker.Block // others may be asked for these, too; it still may send them
	Err     error          // the connection is to be closed for this
}

// Tick measures the rate, and gives up on blocks that do not come; held tells that
// it is we who do not read.
func (d *Requests) Tick(now time.Time, held bool) (l Overdue) {
	if now.Sub(d.lastTick) >= measureEvery {
		d.measure(now)
		d.peer.Rate = d.Rate
	}
	if len(d.asked) == 0 {
		return l
	}
	if held {
		d.LastGot = now
	}
	if d.peer.Choked && now.Sub(d.chokedAt) > rejectTime {
		l.Dropped = d.dropSlow(now)
		if len(d.asked) == 0 {
			return l
		}
	}
	switch quiet := now.Sub(d.LastGot); {
	case quiet > closeAfter:
		l.Err = ErrSilent
	case quiet > snubAfter && !d.Snubbed:
		d.Snubbed, d.Rate, d.peak, d.peer.Rate = true, 0, 0, 0
		for b := range d.asked {
			l.Snubbed = append(l.Snubbed, b)
		}
	}
	return l
}

// dropSlow forgets what a peer that chokes us should have rejected: all but
// what it lets us ask for all the same (BEP 6).
func (d *Requests) dropSlow(now time.Time) (blocks []picker.Block) {
	for b := range d.asked {
		if !d.peer.Fast[b.Piece] {
			d.forget(b, now)
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// Room is how many more blocks should be asked of a peer that takes reqq requests
// at once, none until it is a good part of its depth. alone says that nobody else
// could be asked, urgent that somebody would wait behind what is asked now.
func (d *Requests) Room(reqq int, alone, urgent bool) int {
	spare := bulkTime
	if urgent {
		spare = spareTime
	}
	if alone && d.Blocks == 0 {
		d.window = loneDepth
	}
	depth := d.depth(reqq, spare)
	if room := depth - len(d.asked); room > 0 && room >= depth/8 {
		return room
	}
	return 0
}

// Delay is how long a short answer takes that comes behind the blocks which the
// peer owes us; 0 while that is not known.
func (d *Requests) Delay() time.Duration {
	if d.Blocks == 0 {
		return 0
	}
	queue := time.Duration(0)
	if d.peak > 0 {
		queue = time.Duration(float64(d.peer.Queued) / d.peak * float64(time.Second))
	}
	return d.minRTT + min(queue, time.Second)
}
