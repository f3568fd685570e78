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

// heat is how often a path has changed of late. The first change is read at
// once, the next ones ever more rarely.
type heat struct {
	last  time.Time // when it was last read
	level int
}

// Coolest is how long after a file was read it is read again, at the least,
// when it has changed twice.
const Coolest = 2 * time.Second

const hottest = 300 * time.Second

func (h heat) delay() time.Duration {
	if h.level == 0 {
		return 0
	}
	return min(Coolest<<min(h.level-1, 10), hottest)
}

// quiet is how long without a change makes everything forgiven.
func (h heat) quiet() time.Duration { return max(4*h.delay(), 5*Coolest) }

// next is when the path may be read again.
func (h heat) next() time.Time { return h.last.Add(h.delay()) }

// up is the heat after reading at now.
func (h heat) up(now time.Time) heat {
	if now.Sub(h.last) > h.quiet() {
		return heat{last: now}
	}
	return heat{last: now, level: h.level + 1}
}

// heats are those of paths, by a number made of each.
type heats struct {
	seed maphash.Seed
	all  map[uint64]heat
}

func newHeats() heats { return heats{maphash.MakeSeed(), map[uint64]heat{}} }

// next is when a path may be read again, the zero time for at once.
func (hs *heats) next(path string) time.Time {
	if h, ok := hs.all[maphash.String(hs.seed, path)]; ok {
		return h.next()
	}
	return time.Time{}
}

// note has a path be hotter, as it was read, unless it was quiet for so long
// that it would be forgiven: many files that are shared for the first time are.
func (hs *heats) note(path string, m inode.Meta, now time.Time) {
	k := maphash.String(hs.seed, path)
	h, known := hs.all[k]
	if latest := time.Unix(0, max(m.MTime, m.CTime)); known || now.Sub(latest) <= h.quiet() {
		hs.all[k] = h.up(now)
	}
}

// cool forgets what has been quiet.
func (hs *heats) cool(now time.Time) {
	for k, h := range hs.all {
		if now.Sub(h.last) > h.quiet() {
			delete(hs.all, k)
		}
	}
	if len(hs.all) == 0 {
		hs.all = map[uint64]heat{} // maps give no room back
	}
}
