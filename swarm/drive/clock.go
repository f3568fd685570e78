package drive

import "time"

// MaxAhead is the difference between a member's clock and ours from which on it
// is worth telling: less matters to nothing here.
const MaxAhead = 5 * time.Minute

// tellClock logs that a member's clock and ours differ.
func (l *loop) tellClock(c *conn) {
	if c.ahead.Abs() >= MaxAhead {
		l.d.log.Warn("a member's clock differs from ours", "name", c.name, "member", c.key.Short(), "ahead", c.ahead)
	}
}
