package share

import "time"

// leaseState is the answer to whether anybody has a file open for writing.
type leaseState uint8

const (
	leaseUnknown leaseState = iota // the filesystem, or our rights, do not tell
	leaseFree
	leaseBusy
)

// timing is when things happen. Tests have their own.
type timing struct {
	still   time.Duration // size and time must stand still for this long where leases do not tell
	old     time.Duration // a file whose times are that far back is still without waiting
	young   time.Duration // a change within this of now may be hidden by the clock's granularity
	rescan  time.Duration // between looks at everything
	unseen  time.Duration // the same where not all directories could be watched
	missing time.Duration // between looks for a share directory that is gone
	again   time.Duration // after an error in reading a file
	pace    time.Duration // between publications
	maxPace time.Duration // the same, however much one costs
	lag     time.Duration // behind a change, for what belongs to it: both ends of a rename
	hold    time.Duration // at most, for a publication while there is more to look at
}

func defaultTiming() timing {
	return timing{
		still:   2 * time.Second,
		old:     10 * time.Second,
		young:   25 * time.Millisecond,
		rescan:  time.Minute,
		unseen:  5 * time.Second,
		missing: time.Second,
		again:   time.Minute,
		pace:    50 * time.Millisecond,
		maxPace: 500 * time.Millisecond,
		lag:     10 * time.Millisecond,
		hold:    250 * time.Millisecond,
	}
}

// busyDelay says when to ask again whether a file is still being written. Its
// closing is an event; this is for where that was missed.
func busyDelay(tries int) time.Duration {
	const first, last = 5 * time.Millisecond, 5 * time.Second
	return min(first<<min(2*tries, 20), last)
}

// heat is how often a path has changed of late. The first change is published
// at once, the next ones ever more rarely.
type heat struct {
	last  time.Time // when it was last hashed
	level int
}

const (
	coolest = 2 * time.Second
	hottest = 300 * time.Second
)

func (h heat) delay() time.Duration {
	if h.level == 0 {
		return 0
	}
	return min(coolest<<min(h.level-1, 10), hottest)
}

// quiet is how long without a change makes everything forgiven.
func (h heat) quiet() time.Duration { return max(4*h.delay(), 5*coolest) }

// next is when the path may be hashed again.
func (h heat) next() time.Time { return h.last.Add(h.delay()) }

// up is the heat after hashing at now.
func (h heat) up(now time.Time) heat {
	if now.Sub(h.last) > h.quiet() {
		return heat{last: now}
	}
	return heat{last: now, level: h.level + 1}
}

// youngUntil returns when a change at ctime is old enough to be told from one
// that comes right behind it, the zero time if it is. Times are the clock's;
// one ahead of it was set by somebody, and any write will change it.
func youngUntil(ctime int64, now time.Time, young time.Duration) time.Time {
	age := now.Sub(time.Unix(0, ctime))
	if age < 0 || age >= young {
		return time.Time{}
	}
	return now.Add(young - age)
}
