package swarm

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/peer"
)

// bandwidth is what all torrents share of the link, and of the memory for what comes
// over it. Safe for concurrent use.
type bandwidth struct {
	up, down  *rate.Limiter // of payload; nil: no limit
	downLimit int64         // bytes per second; 0: none
	pool      peer.Pool
	asked     atomic.Int64 // bytes asked of peers that have not come
	hot       atomic.Int64 // bytes of all torrents' hot pieces
	lent      atomic.Int64 // sent by Upload's callers
	lastRead  atomic.Int64 // Unix nanoseconds: when a reader of any torrent last waited
}

// limit sets the limits, in bytes per second. It is called before any use.
func (b *bandwidth) limit(up, down int64) {
	b.up, b.down, b.downLimit = peer.NewLimiter(up), peer.NewLimiter(down), down
}

// upload waits until n bytes of payload may be sent, and counts them.
func (b *bandwidth) upload(ctx context.Context, n int) error {
	for left := n; left > 0 && b.up != nil; {
		k := min(left, hashing.BlockSize)
		if err := b.up.WaitN(ctx, k); err != nil {
			return err
		}
		left -= k
	}
	b.lent.Add(int64(n))
	return nil
}

// unverified is how many bytes are asked for or here without a hash checked.
func (b *bandwidth) unverified() int64 { return b.asked.Load() + b.pool.Out() }

// mayAsk is how many more blocks may be asked of all peers now. Where the
// download is limited no more is on its way than a second brings, so that
// what a reader wants next does not stand behind it for long.
func (b *bandwidth) mayAsk() int {
	n := maxUnverified - b.unverified()
	if b.downLimit > 0 {
		n = min(n, b.downLimit-b.asked.Load())
	}
	return int(n) / hashing.BlockSize
}

// reads notes that a reader of some torrent waits.
func (b *bandwidth) reads(now time.Time) { b.lastRead.Store(now.UnixNano()) }

// quiet is for how long no reader of any torrent has waited: the link is free
// for what nobody asked for.
func (b *bandwidth) quiet(now time.Time) time.Duration {
	return now.Sub(time.Unix(0, b.lastRead.Load()))
}
