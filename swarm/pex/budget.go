package pex

import (
	"time"

	"golang.org/x/time/rate"
)

const (
	// burst is how many messages may come at once: clients send a first one
	// on connecting and then by a clock of their own.
	burst = 2
	// refill is how often one more may come: a little less than a minute, so
	// that no jitter makes an honest peer break the rule.
	refill = 50 * time.Second
	// maxIgnored is how many messages beyond that are only ignored.
	maxIgnored = 10
)

// Verdict is what to do with a message.
type Verdict int

// A message is read, or ignored, or ends the connection.
const (
	Read Verdict = iota
	Ignore
	Close
)

// Budget is how much one peer may still tell. The zero value is that of a new
// peer.
type Budget struct {
	limiter *rate.Limiter // nil: nothing came yet
	ignored int
}

// Take decides on a message that came now, before it is looked at. What comes
// too often is ignored, and after ten such messages that no good one forgives
// the peer is to be closed.
func (b *Budget) Take(now time.Time) Verdict {
	if b.limiter == nil {
		b.limiter = rate.NewLimiter(rate.Every(refill), burst)
	}
	if b.limiter.AllowN(now, 1) {
		b.ignored = max(0, b.ignored-1)
		return Read
	}
	if b.ignored++; b.ignored > maxIgnored {
		return Close
	}
	return Ignore
}
