package settle

import "time"

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
