package settle

import (
	"hash/maphash"
	"time"

	"p2pfs/swarm/share/inode"
)

// busyDelay says when to ask again whether a file is still being written. Its
// closing is an event; this is for where that was missed.
func busyDelay(tries int) time.Duration {
	const first, last = 5 * time.Millisecond, 5 * time.Second
	return min(first<<min(2*tries, 20), last)
}

// backoff is how often a path has changed of late. The first change is read at
// once, the next ones ever more rarely.
type backoff struct {
	last  time.Time // when it was last read
	level int
}

// FirstBackoff is how long after a file was read it is read again, at the least,
// when it has changed twice.
const FirstBackoff = 2 * time.Second

const lastBackoff = 300 * time.Second

func (b backoff) delay() time.Duration {
	if b.level == 0 {
		return 0
	}
	return min(FirstBackoff<<min(b.level-1, 10), lastBackoff)
}

// quiet is how long without a change makes everything forgiven.
func (b backoff) quiet() time.Duration { return max(4*b.delay(), 5*FirstBackoff) }

// next is when the path may be read again.
func (b backoff) next() time.Time { return b.last.Add(b.delay()) }

// up is the backoff after reading at now.
func (b backoff) up(now time.Time) backoff {
	if now.Sub(b.last) > b.quiet() {
		return backoff{last: now}
	}
	return backoff{last: now, level: b.level + 1}
}

// backoffs are those of paths, by a number made of each.
type backoffs struct {
	seed maphash.Seed
	all  map[uint64]backoff
}

func newBackoffs() backoffs { return backoffs{maphash.MakeSeed(), map[uint64]backoff{}} }

// next is when a path may be read again, the zero time for at once.
func (bs *backoffs) next(path string) time.Time {
	if b, ok := bs.all[maphash.String(bs.seed, path)]; ok {
		return b.next()
	}
	return time.Time{}
}

// note has a path be backed off further, as it was read, unless it was quiet for
// so long that it would be forgiven: many files that are shared for the first
// time are.
func (bs *backoffs) note(path string, m inode.Meta, now time.Time) {
	k := maphash.String(bs.seed, path)
	b, known := bs.all[k]
	if latest := time.Unix(0, max(m.MTime, m.CTime)); known || now.Sub(latest) <= b.quiet() {
		bs.all[k] = b.up(now)
	}
}

// forgive forgets what has been quiet.
func (bs *backoffs) forgive(now time.Time) {
	for k, b := range bs.all {
		if now.Sub(b.last) > b.quiet() {
			delete(bs.all, k)
		}
	}
	if len(bs.all) == 0 {
		bs.all = map[uint64]backoff{} // maps give no room back
	}
}
