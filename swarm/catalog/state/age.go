package state

import (
	"encoding/binary"
	"time"
)

// maxAge is how long a head outlives its author's last connection to anybody.
// An honest author signs anew before that, so that only those of whom nothing is
// heard any more are forgotten by it.
const maxAge = 30 * 24 * time.Hour

// clock counts the time that passes, by the monotonic clock while the process
// runs and by the wall clock from one run to the next. It never runs back, and the
// time between two runs counts as maxAway at most: the wall clock may have been
// wrong, in this run or the last, and what died of that would not come back.
type clock struct {
	elapsed time.Duration
	at      time.Time // when it was told the time last; zero: never
	loaded  bool      // at is of an earlier run
	saved   time.Time // at, when a sweep last stored it
}

// maxAway is what the time in which we did not run adds to ages at most.
const maxAway = 7 * 24 * time.Hour

func (c *clock) advance(now time.Time) {
	most := maxAge
	if c.loaded {
		most, c.loaded = maxAway, false
	}
	if !c.at.IsZero() {
		c.elapsed += min(max(now.Sub(c.at), 0), most)
	}
	c.at = now
}

// marshal returns the clock for the disk, in whole seconds.
func (c *clock) marshal() []byte {
	b := binary.AppendVarint(nil, seconds(c.elapsed))
	return binary.AppendVarint(b, c.at.Unix())
}

// unmarshalClock returns a clock as it stands on disk; the zero clock where there
// is none.
func unmarshalClock(b []byte) clock {
	elapsed, n := binary.Varint(b)
	if n <= 0 || elapsed < 0 || elapsed > int64(maxElapsed/time.Second) {
		return clock{}
	}
	at, n := binary.Varint(b[n:])
	if n <= 0 {
		return clock{}
	}
	return clock{elapsed: time.Duration(elapsed) * time.Second, at: time.Unix(at, 0), loaded: true}
}

// maxElapsed is more than a clock ever counts.
const maxElapsed = 100 * 365 * 24 * time.Hour

// sighting is when an author was last connected to anybody, as far as is known
// here. Times are the clock's.
type sighting struct {
	last time.Duration // connected to anybody
	got  time.Duration // when the newest head came
	own  bool          // last is our own knowledge: he was connected to us while that head was his newest
}

// newHead notes that a head came that is newer than those before, and its
// author's age as its sender tells it. What was known of him stays true: he has
// been somewhere since.
func (s *sighting) newHead(now, age time.Duration, present bool) {
	s.last, s.got, s.own = max(s.last, now-max(age, 0)), now, present
}

// hearsay notes the age that somebody tells of an author whose newest head is
// known. Of two the smaller counts; none counts against what we saw ourselves,
// and none makes a head younger than it was when it came here: who lives signs
// again.
func (s *sighting) hearsay(now, age time.Duration) {
	if !s.own {
		s.last = max(s.last, min(now-max(age, 0), s.got))
	}
}

// here notes that the author is connected here, or was until now.
func (s *sighting) here(now time.Duration) { s.last, s.own = now, true }
