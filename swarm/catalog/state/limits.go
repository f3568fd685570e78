package state

import (
	"math"
	"time"
)

// Limits bounds what a State keeps of others. The zero value of a field stands
// for its default.
type Limits struct {
	Absent  int           // authors not connected whose catalogues are kept; default 10 000
	Known   int           // authors who are known; default 131 072. An address group brings a quarter at most
	Drive   int64         // bytes of objects in all; default 256 MiB
	Author  int64         // bytes of objects an author; default 64 MiB
	Entries int64         // entries an author; default 2 097 152
	Keep    time.Duration // how long what nothing refers to is kept for old Views; default one minute
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Absent, 10_000)
	setDefault(&l.Known, 1<<17)
	setDefault(&l.Drive, 256<<20)
	setDefault(&l.Author, 64<<20)
	setDefault(&l.Entries, 1<<21)
	setDefault(&l.Keep, time.Minute)
	return l
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

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
