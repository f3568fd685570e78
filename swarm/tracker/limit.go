package tracker

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// At most maxBurst announces of a torrent go to a tracker in burstTime.
const (
	maxBurst  = 6
	burstTime = 20 * time.Second
)

// limited is what the limit is counted for.
type limited struct {
	addr     netip.AddrPort
	infoHash [20]byte
}

// A limiter remembers when announces were sent.
type limiter struct {
	times map[limited]*[maxBurst]time.Time // the last ones, oldest first
	sweep int
}

// take takes a place for an announce now and returns 0, or returns how long to
// wait before asking again. The last place is for urgent ones only.
func (l *limiter) take(k limited, last bool, now time.Time) time.Duration {
	t := l.times[k]
	if t == nil {
		l.clean(now)
		t = new([maxBurst]time.Time)
		l.times[k] = t
	}
	oldest := t[1]
	if last {
		oldest = t[0]
	}
	if wait := burstTime - now.Sub(oldest); wait > 0 && !oldest.IsZero() {
		return wait
	}
	copy(t[:], t[1:])
	t[maxBurst-1] = now
	return 0
}

// clean drops what is too old to count, when there is twice as much as last time.
func (l *limiter) clean(now time.Time) {
	if len(l.times) < l.sweep {
		return
	}
	for k, t := range l.times {
		if now.Sub(t[maxBurst-1]) > burstTime {
			delete(l.times, k)
		}
	}
	l.sweep = 2*len(l.times) + 64
}

// errBurst is the end of a last announce for which there is no place.
var errBurst = errors.New("announced too often of late")

// pace is how many announces of all torrents go out in a second, and how many may
// at once: who seeds a thousand torrents is no flood to their tracker.
const pace = 50

// turns keep announces from becoming too many.
type turns struct {
	pace *rate.Limiter

	mu     sync.Mutex // guards what follows
	bursts limiter
}

func newTurns() *turns {
	return &turns{pace: rate.NewLimiter(pace, pace), bursts: limiter{times: make(map[limited]*[maxBurst]time.Time)}}
}

// admit waits until one more announce may be sent to an address. The last one is
// not worth waiting for: the tracker forgets us by itself.
func (t *turns) admit(ctx context.Context, k limited, last bool) error {
	for {
		t.mu.Lock()
		wait := t.bursts.take(k, last, time.Now())
		t.mu.Unlock()
		if wait == 0 {
			return nil
		}
		if last {
			return errBurst
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ended(ctx)
		}
	}
}

// await waits for an announce's turn among those of all torrents.
func (t *turns) await(ctx context.Context, k *call, e Event) error {
	if e == Stopped {
		return nil
	}
	r := t.pace.Reserve()
	wait := r.Delay()
	if wait == 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-k.hurried:
		return nil
	case <-ctx.Done():
		r.Cancel()
		return ended(ctx)
	}
}
