package drive

import (
	"context"
	"time"

	"p2pfs/swarm/catalog/state"
	"p2pfs/swarm/drive/gossip"
	"p2pfs/swarm/drive/message"
	"p2pfs/swarm/drive/objects"
	"p2pfs/swarm/drive/who"
)

// event is something the loop is told. apply runs on the loop's goroutine and
// must not block.
type event interface{ apply(*loop) }

// call is an event that is a function.
type call func(*loop)

func (f call) apply(l *loop) { f(l) }

// dropper is an event that somebody waits for, or that somebody sent. dropped is
// called where apply panicked.
type dropper interface{ dropped(l *loop, err error) }

// asking is an event that somebody waits for: failed tells him, without
// blocking, that no answer will come.
type asking struct {
	call
	failed func(error)
}

func (a asking) dropped(_ *loop, err error) { a.failed(err) }

// offer sends v where c has room: where that is one, its reader gets one answer,
// the first.
func offer[T any](c chan<- T, v T) bool {
	select {
	case c <- v:
		return true
	default:
		return false
	}
}

// loop owns all that changes. Its methods run on its goroutine only.
type loop struct {
	d        *Drive
	state    *state.State
	conns    conns
	objects  *objects.Fetcher
	who      *who.Inquiries
	gossip   *gossip.Gossip
	ours     *state.Publication // the last one, to be signed again; nil before Share
	views    *views
	dirty    chan struct{} // something is to be written to disk
	swept    time.Time
	outdated outdated
	copies   copies
}

func newLoop(d *Drive, state *state.State) *loop {
	return &loop{
		d: d, state: state, conns: newConns(), views: d.views,
		objects: objects.New(state, state.Authors), who: who.New(), gossip: gossip.New(state.Authors, state.Authors, d.cfg.Identity.Key()),
		dirty: make(chan struct{}, 1), outdated: make(outdated), copies: copies{self: d.self.Process, log: d.logCopy, act: d.tellCopy},
	}
}

// How often the loop looks at its clocks.
const (
	tickIdle = 500 * time.Millisecond
	tickBusy = 50 * time.Millisecond // while objects are being fetched
	sweepGap = time.Minute
)

func (l *loop) run(ctx context.Context) {
	defer l.end()
	for _, k := range l.state.Wanting() {
		l.d.cfg.Guard.Do(func() { l.objects.Complete(k) })
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	l.state.Pace()
	always := make(chan struct{})
	close(always)
	var again <-chan struct{} // always ready while the catalogues have work left
	busy := false
	for {
		visits := l.state.Visits()
		select {
		case e := <-l.d.events:
			l.serve(e)
		case <-timer.C:
			l.d.cfg.Guard.Do(func() { l.tick(time.Now()) })
			busy = false
			timer.Reset(tickIdle)
		case <-again:
		case <-l.d.notices.viewed:
		case <-ctx.Done():
			return
		}
		if again = nil; l.step() {
			again = always
		}
		l.d.cfg.Guard.Do(l.settle)
		if n := l.state.Visits() - visits; n > busyVisits {
			l.d.log.Debug("event looked at many entries", "n", n)
		}
		if !busy && l.objects.Len() > 0 {
			busy = true
			timer.Reset(tickBusy)
		}
	}
}

// serve applies an event. A panic drops it, and whoever sent it.
func (l *loop) serve(e event) {
	err := l.d.cfg.Guard.Do(func() { e.apply(l) })
	if d, ok := e.(dropper); ok && err != nil {
		l.d.cfg.Guard.Do(func() { d.dropped(l, err) })
	}
}

// busyVisits is how many objects and entries of catalogues an event may look at
// without being noted: more would hold up others.
const busyVisits = 2000

// step does some of the work that catalogues have left, and reports whether
// there is more.
func (l *loop) step() (more bool) {
	l.d.cfg.Guard.Do(func() { more = l.state.Step() }) // after a panic at the next event
	return more
}

// settle does what any event may have made due.
func (l *loop) settle() {
	for _, k := range l.state.Tellable() {
		l.gossip.Spread(k, time.Now())
	}
	for _, c := range l.conns.byID {
		l.pump(c, time.Now())
	}
	for _, q := range l.objects.Due(time.Now()) {
		l.conns.byID[q.Member].Say(message.Get{Hashes: q.Hashes})
	}
	l.views.update(l.state.View())
	offer(l.dirty, struct{}{})
}

// tick does what is due by the clock.
func (l *loop) tick(now time.Time) {
	l.objects.Expire(now)
	for _, p := range l.gossip.Due(now) { // that came too fast
		l.take(p, now)
	}
	l.who.Expire(now)
	l.copies.tell(now)
	if now.Sub(l.swept) < sweepGap {
		return
	}
	l.swept = now
	l.state.Sweep(l.d.cfg.Now())
	l.publishAgain()
}

// end closes every connection. Their goroutines are waited for by Close.
func (l *loop) end() {
	for _, c := range l.conns.byID {
		c.net.Close(ErrClosed)
		l.state.Authors.Gone(c.Key, l.d.cfg.Now())
	}
}
