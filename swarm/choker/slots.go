package choker

import "time"

const (
	// holdProbe is how long the slot count stands still after a try that
	// changed nothing for the better.
	holdProbe = time.Minute
	// thinSlot is the rate a slot below which fewer slots are tried: a block
	// of 16 KiB in two seconds.
	thinSlot = 8 << 10
)

// phase is what the slot count is doing.
type phase int

const (
	steady phase = iota
	growing
	shrinking
)

// slots finds how many peers to upload to at once by trying: a slot more, as
// long as that makes the total rate grow; where it does not and the slots are
// thin, a slot less, as long as that costs nothing.
type slots struct {
	min, max, now int
	full          bool // the last round left somebody who is interested choked

	phase  phase
	before int       // slots before the try that runs
	rate   float64   // the total rate then, bytes/s
	at     time.Time // of the last look
	hold   time.Time // no try until then
}

// Slots returns the number of upload slots, after looking at what the last
// change has brought. uploadRate is what we send to all peers together, in
// bytes/s over RateWindow or less. To be called before each Round; calls
// sooner after one another change nothing.
func (c *Choker) Slots(now time.Time, uploadRate float64) int {
	s := &c.slots
	if s.at.IsZero() {
		s.at = now
	}
	if now.Sub(s.at) < Interval-slack {
		return s.now
	}
	s.at = now
	s.look(now, uploadRate)
	return s.now
}

// Cap bounds the slots from now on, from MinSlots up: where they share a limit,
// each more makes all turns later.
func (c *Choker) Cap(n int) {
	c.slots.max = max(c.slots.min, min(n, c.cfg.MaxSlots))
	c.slots.now = min(c.slots.now, c.slots.max)
	c.slots.before = min(c.slots.before, c.slots.max)
}

// look decides the next step. The count is a question only while all slots
// are taken and somebody waits.
func (s *slots) look(now time.Time, rate float64) {
	if !s.full {
		s.phase = steady
		return
	}
	switch s.phase {
	case steady:
		if !now.Before(s.hold) {
			s.grow(now, rate)
		}
	case growing:
		// Half of what the new slots would carry if they were like the
		// others is taken for growth, the rest for noise.
		share := float64(s.now-s.before) / float64(s.before)
		if rate > 0 && rate >= s.rate*(1+share/2) {
			s.grow(now, rate)
			return
		}
		s.now = s.before
		s.thin(now, rate)
	case shrinking:
		if rate >= s.rate*0.95 {
			s.thin(now, rate)
			return
		}
		s.now = s.before
		s.rest(now)
	}
}

// grow tries a quarter more slots, at least one.
func (s *slots) grow(now time.Time, rate float64) {
	if s.now >= s.max {
		s.rest(now)
		return
	}
	s.phase, s.before, s.rate = growing, s.now, rate
	s.now = min(s.max, s.now+max(1, s.now/4))
}

// thin tries a slot less if what each carries is little.
func (s *slots) thin(now time.Time, rate float64) {
	if s.now <= s.min || rate/float64(s.now) >= thinSlot {
		s.rest(now)
		return
	}
	s.phase, s.before, s.rate = shrinking, s.now, rate
	s.now--
}

func (s *slots) rest(now time.Time) {
	s.phase = steady
	s.hold = now.Add(holdProbe)
}
