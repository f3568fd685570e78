package catalog

import (
	"math"
	"time"
)

// pace is what the parts of a State have in common: the time, and how much they
// may still look at until they are to pause.
type pace struct {
	now    time.Time // of the latest call that told it
	visits int64     // objects and entries looked at, ever
	left   int       // of them, until the pause; math.MaxInt: there is none
}

// stepVisits is how many objects and entries are looked at in a step, or some
// more: one object is looked at as a whole.
const stepVisits = 500

// spend counts what was looked at.
func (p *pace) spend(n int) {
	p.visits += int64(n)
	if p.left != math.MaxInt {
		p.left -= n
	}
}

// begin allows a step.
func (p *pace) begin() { p.left = stepVisits + max(p.left, -stepVisits) }

// pause ends it; what was looked at beyond the step is taken off the next.
func (p *pace) pause() { p.left = min(p.left, 0) }
