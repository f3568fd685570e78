package swarmtest

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Shape is what a Link does to what it carries, in each direction alike. The
// zero value does nothing.
type Shape struct {
	Delay  time.Duration // one way
	Jitter time.Duration // as much more at most; what is in one flow stays in order
	Rate   int64         // bytes/s of payload; 0 is no limit
	// PerConn gives each connection Rate, rather than all together.
	PerConn bool
	// Loss is the share of UDP datagrams that vanish, 0 to 1.
	Loss float64
}

// Link emulates a network link on loopback: its relays terminate TCP and pass
// the bytes on late and slowly. It can be cut and healed. Safe for concurrent
// use.
type Link struct {
	out, back way

	mu    sync.Mutex
	shape Shape
	state state
	open  chan struct{} // closed while the link is up
	flows map[*flow]struct{}
}

// state is whether anything passes.
type state int

const (
	up     state = iota
	silent       // nothing passes, nobody is told
	broken       // connections are reset
)

// way is one direction of a link: out is from who dials to who is dialled.
type way struct {
	bucket bucket
	bytes  atomic.Int64
}

// NewLink returns a link that is up.
func NewLink(shape Shape) *Link {
	l := &Link{shape: shape, open: make(chan struct{}), flows: make(map[*flow]struct{})}
	close(l.open)
	return l
}

// Set changes the shape for what comes from now on.
func (l *Link) Set(shape Shape) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shape = shape
}

// Bytes returns how many bytes of payload have been delivered, from the side
// that dials and back to it.
func (l *Link) Bytes() (out, back int64) { return l.out.bytes.Load(), l.back.bytes.Load() }

// Cut stops the link silently, as a pulled plug does: nothing passes, and
// connections stay open on both sides. Datagrams are lost; bytes of
// connections wait, as TCP would send them again.
func (l *Link) Cut() { l.set(silent) }

// Break stops the link loudly: connections are reset, and new ones too, until
// Heal.
func (l *Link) Break() {
	for _, f := range l.set(broken) {
		f.reset()
	}
}

// Heal undoes Cut or Break.
func (l *Link) Heal() { l.set(up) }

// set changes the state and returns the flows there are.
func (l *Link) set(to state) (flows []*flow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == up && to != up {
		l.open = make(chan struct{})
	}
	if l.state != up && to == up {
		close(l.open)
	}
	l.state = to
	for f := range l.flows {
		flows = append(flows, f)
	}
	return flows
}

func (l *Link) now() (Shape, state) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shape, l.state
}

// wait returns once the link is up, or ctx's error.
func (l *Link) wait(ctx context.Context) error {
	l.mu.Lock()
	open := l.open
	l.mu.Unlock()
	select {
	case <-open:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// latency returns the delay for a chunk that is sent now.
func (s Shape) latency() time.Duration {
	d := s.Delay
	if s.Jitter > 0 {
		d += rand.N(s.Jitter)
	}
	return d
}

// Of a bucket.
const (
	// maxCredit bounds how far a reservation may reach into the past. A relay
	// that a busy machine wakes late makes up for it, and keeps its rate.
	maxCredit = 250 * time.Millisecond
	// maxQueue is how long a datagram may queue before it is dropped.
	maxQueue = 200 * time.Millisecond
)

// bucket gives out times at which bytes have passed a link of some rate.
type bucket struct {
	mu   sync.Mutex
	next time.Time // when the link is free again
}

// reserve returns when n bytes that were there at a time will have passed.
// ok is false, and nothing reserved, if they would have to queue longer than
// limit; 0 is no limit.
func (b *bucket) reserve(n int, there time.Time, rate int64, limit time.Duration) (t time.Time, ok bool) {
	now := time.Now()
	if rate <= 0 {
		return now, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next = later(b.next, later(there, now.Add(-maxCredit)))
	if limit > 0 && b.next.Sub(now) > limit {
		return time.Time{}, false
	}
	b.next = b.next.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	return b.next, true
}

// sleepUntil waits for a time or the end of ctx, whose error it returns.
func sleepUntil(ctx context.Context, t time.Time) error {
	if d := time.Until(t); d > 0 {
		return sleep(ctx, d)
	}
	return ctx.Err()
}
