package share

import (
	"context"
	"time"
)

// loop is the one goroutine that knows the tree. It takes events, looks at
// directories a slice at a time, what events are about first, and publishes.
// Reading files is the hashers' work; nothing waits for the loop but Close.
type loop struct {
	s       *Share
	ctx     context.Context // of Open
	agenda  *agenda
	watches *watches
	scanner *scanner
	settler *settler
	ledger  *ledger

	steps   uint      // done
	begun   time.Time // when the last walk did
	swept   time.Time
	scanned bool // everything was looked at
	told    bool // and that is published
}

func newLoop(ctx context.Context, s *Share, w watcher) *loop {
	l := &loop{s: s, ctx: ctx, agenda: newAgenda(), ledger: newLedger(), watches: newWatches(w, s.log)}
	l.settler = newSettler(ctx, s, l.ledger, l.agenda)
	l.scanner = newScanner(ctx, s, l.settler, l.watches)
	return l
}

// run works until ctx ends.
func (l *loop) run() {
	defer l.watches.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for l.ctx.Err() == nil {
		l.guarded(func() { l.turn(timer) })
	}
}

// guarded runs a part of the loop's work. A panic drops what was worked at;
// everything is looked at again, after a while in which nothing can spin.
func (l *loop) guarded(f func()) {
	if l.s.cfg.Guard.Do(f) == nil {
		return
	}
	pause := time.NewTimer(l.s.timing.missing)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-l.ctx.Done():
	}
	l.agenda.walkNow()
}

// turn does one slice of work, or waits for some.
func (l *loop) turn(timer *time.Timer) {
	more := l.step()
	l.s.hashers.feed()
	l.publish()
	l.report()
	if more {
		l.poll()
		return
	}
	timer.Reset(time.Until(l.wakeAt()))
	l.wait(timer.C)
}

// wait blocks until there is something to do.
func (l *loop) wait(timer <-chan time.Time) {
	select {
	case events, ok := <-l.watches.events:
		l.onEvents(events, ok)
	case r := <-l.s.hashers.results:
		l.settler.onResult(r)
	case <-l.s.pokes.wake:
		l.onPokes()
	case <-timer:
	case <-l.ctx.Done():
	}
	l.poll()
}

// poll takes what is there without blocking.
func (l *loop) poll() {
	for {
		select {
		case events, ok := <-l.watches.events:
			l.onEvents(events, ok)
		case r := <-l.s.hashers.results:
			l.settler.onResult(r)
		case <-l.s.pokes.wake:
			l.onPokes()
		default:
			return
		}
	}
}

// step does one slice of what is most urgent; false if nothing is left. One in
// eight goes to what is less so: changes that never end hold up nothing.
func (l *loop) step() bool {
	a := l.agenda
	pressing := a.pressing()
	if l.steps++; pressing && l.steps%8 != 0 {
		if len(a.dirty) > 0 {
			l.scanner.lookDirty()
		} else {
			l.scanner.scan(pop(&a.urgent), byEvent)
		}
		return true
	}
	if !pressing {
		l.settler.reap()
	}
	now := time.Now()
	if l.settler.settleDue(now) {
		return true
	}
	if len(a.walk) == 0 && !now.Before(a.next) {
		l.beginWalk(now)
	}
	if len(a.walk) == 0 {
		return pressing
	}
	l.scanner.scan(pop(&a.walk), byWalk)
	if len(a.walk) == 0 {
		l.endWalk(time.Now())
	}
	return true
}

func (l *loop) beginWalk(now time.Time) {
	l.begun = now
	l.scanner.checkRoot()
	l.agenda.again = false
	l.agenda.visit(l.scanner.root)
}

// endWalk sets the time for the next walk: the longer one takes, the rarer
// they are.
func (l *loop) endWalk(now time.Time) {
	if f := l.s.cfg.test.walked; f != nil {
		defer f()
	}
	took, every := now.Sub(l.begun), l.s.timing.rescan
	if l.unwatched() > 0 {
		every = l.s.timing.unseen
	}
	if l.scanner.gone {
		every = l.s.timing.missing
	}
	l.agenda.ended(now, now.Add(max(every, 50*took)))
	l.settler.coolDown(now)
	l.s.open.expire(now)
	if l.scanner.gone {
		return
	}
	if now.Sub(l.swept) > 24*time.Hour {
		l.swept = now
		l.sweep()
	}
	if !l.scanned {
		l.scanned = true
		l.s.log.Info("share directory scanned", "dirs", l.scanner.dirs, "took", took)
	}
}

// sweep has the records of files that are gone removed in time.
func (l *loop) sweep() {
	live := map[ident]struct{}{}
	var each func(d *dir)
	each = func(d *dir) {
		for _, n := range d.files {
			live[n.meta.ident] = struct{}{}
		}
		for _, sub := range d.dirs {
			each(sub)
		}
	}
	each(l.scanner.root)
	l.s.store.sweep(live)
}

// wakeAt is when there is something to do though nothing happens.
func (l *loop) wakeAt() time.Time {
	at := l.agenda.next
	earlier := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	if len(l.settler.dues) > 0 {
		earlier(l.settler.dues[0].due)
	}
	if len(l.ledger.deltas) > 0 && l.scanned {
		earlier(l.ledger.when(l.s.timing))
	}
	return at
}

// publish makes what has changed visible, if it is time to.
func (l *loop) publish() {
	if len(l.ledger.deltas) == 0 && l.scanned == l.told {
		return
	}
	now := time.Now()
	busy := l.agenda.pressing()
	if !l.scanned || now.Before(l.ledger.when(l.s.timing)) || busy && now.Sub(l.ledger.since) < l.s.timing.hold {
		return
	}
	first := !l.told
	l.told = true
	deltas, seen := l.ledger.publish(now)
	l.s.index.apply(deltas)
	files := l.ledger.files
	l.s.files.Store(&files)
	l.report()
	l.ledger.cost = time.Since(now)
	if seen || first {
		select {
		case l.s.notify <- struct{}{}:
		default:
		}
	}
	if first {
		close(l.s.scanned)
	}
}

func (l *loop) unwatched() int { return l.scanner.dirs - len(l.watches.dirs) }

// report keeps Stats fresh.
func (l *loop) report() {
	st, jobs := l.settler, len(l.s.hashers.jobs)
	c := counts{
		published: l.ledger.count,
		ignored:   l.scanner.oddSeen[0], skipped: l.scanner.oddSeen[1] + len(st.trouble),
		waiting: max(0, st.waiting-jobs-len(st.trouble)), queued: jobs,
		hashed:    st.hashed,
		unwatched: l.unwatched(),
		scanned:   l.told,
	}
	if c != *l.s.counts.Load() {
		l.s.counts.Store(&c)
	}
}
