package peer

import (
	"time"

	"golang.org/x/time/rate"

	"p2pfs/swarm/hashing"
)

const (
	// limitBurst is the least that a limiter must be able to give out at
	// once: the longest turn, and what one read brings.
	limitBurst = 256 << 10
	// turnTime is how much of a limited upload one connection gets in its
	// turn: so much time's worth, at least a block.
	turnTime = 50 * time.Millisecond
)

// NewLimiter returns a limiter for Config.Up or Config.Down, to be shared by
// all connections that the limit is for; nil, no limit, if bytesPerSecond is
// not above zero.
func NewLimiter(bytesPerSecond int64) *rate.Limiter {
	if bytesPerSecond <= 0 {
		return nil
	}
	burst := min(max(limitBurst, bytesPerSecond/10), 1<<30)
	return rate.NewLimiter(rate.Limit(bytesPerSecond), int(burst))
}

// A share is what one connection has of a limiter that many use. Whoever
// asks is served in the order of asking, and no connection has more than one
// question open, so that turns go round. It belongs to one goroutine.
type share struct {
	limiter *rate.Limiter // nil: no limit
	granted int           // bytes that may be moved now
	pending *rate.Reservation
	asked   int // bytes of pending
	timer   *time.Timer
}

// turn is how many bytes to ask for at once.
func (s *share) turn() int {
	return min(max(int(float64(s.limiter.Limit())*turnTime.Seconds()), hashing.BlockSize), limitBurst)
}

// need asks for what lacks to n granted bytes, n at most limitBurst. It
// returns a channel that tells when to call ready, nil if that is not
// needed: there are n now.
func (s *share) need(n int) <-chan time.Time {
	if s.pending == nil && s.granted < n {
		s.asked = n - s.granted
		s.pending = s.limiter.ReserveN(time.Now(), s.asked)
		d := s.pending.Delay()
		if d <= 0 {
			s.ready()
		} else if s.timer == nil {
			s.timer = time.NewTimer(d)
		} else {
			s.timer.Reset(d)
		}
	}
	if s.pending == nil {
		return nil
	}
	return s.timer.C
}

// ready takes in what was asked for.
func (s *share) ready() {
	s.granted += s.asked
	s.pending, s.asked = nil, 0
}

// drop gives back what will not be used.
func (s *share) drop() {
	if s.pending != nil {
		s.pending.Cancel()
		s.timer.Stop()
	}
	s.pending, s.asked, s.granted = nil, 0, 0
}
