package drive

import "time"

// MaxAhead is the difference between a member's clock and ours from which on it
// is worth telling: less matters to nothing here.
const MaxAhead = 5 * time.Minute

// ahead returns by how much his clock is before ours, as far as he has not set
// his since: that we set ours is seen.
func (c *conn) ahead(now time.Time) time.Duration {
	return c.clock.Add(time.Since(c.clockAt)).Sub(now).Round(time.Second)
}

// tellClock logs that a member's clock and ours differ.
func (l *loop) tellClock(c *conn) {
	if ahead := c.ahead(l.d.cfg.Now()); ahead.Abs() >= MaxAhead {
		l.d.log.Warn("a member's clock differs from ours", "name", c.name, "member", c.key.Short(), "ahead", ahead)
	}
}
