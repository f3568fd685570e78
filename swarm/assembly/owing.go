package assembly

import "time"

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
