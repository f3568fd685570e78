package share

import (
	"context"
	"time"

	"p2pfs/swarm/share/ignore"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
	"p2pfs/swarm/share/tree"
)

// loop is the one goroutine that knows the tree. It takes what happens to the
// parts: events, results and doubts to what is to be looked at (tree.Work), looks
// to the scanner, a slice at a time, and what changed to the Set. Reading files
// is the pool's work; nothing waits for the loop but Close.
type loop struct {
	s       *Share
	ctx     context.Context // of Open
	ledger  *published.Ledger
	tree    *tree.Tree
	work    *tree.Work
	watches *watches
	files   *files
	scanner *scanner

	steps   uint      // done
	begun   time.Time // when the last walk did
	swept   time.Time
	last    time.Time     // publication
	cost    time.Duration // of it
	scanned bool          // everything was looked at
	told    bool          // and that is published
}

func newLoop(ctx context.Context, s *Share, w watcher) *loop {
	l := &loop{s: s, ctx: ctx, work: tree.NewWork(), watches: newWatches(w, s.log)}
	l.ledger = published.NewLedger(s.set, s.out)
	l.tree = tree.New(l.ledger, l, ignore.Temporary())
	l.files = newFiles(ctx, s, l.tree, l.work)
	l.scanner = &scanner{ctx: ctx, log: s.log, folder: s.folder, tree: l.tree, work: l.work, watches: l.watches, files: l.files, unseen: s.timing.unseen}
	return l
}

// FileGone is for the tree.
func (l *loop) FileGone(f *tree.File) { l.files.forget(f) }

// DirGone is for the tree.
func (l *loop) DirGone(d *tree.Dir) {
	l.watches.remove(d)
	l.work.Forget(d)
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
	l.work.WalkNow()
}

// turn does one slice of work, or waits for some.
func (l *loop) turn(timer *time.Timer) {
	more := l.step()
	l.s.pool.Feed()
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
	case r := <-l.s.pool.Results():
		l.files.onResult(r, time.Now())
	case <-l.s.doubts.wake:
		l.onDoubts()
	case <-l.s.records.Written(): // the pool may be fed again
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
		case r := <-l.s.pool.Results():
			l.files.onResult(r, time.Now())
		case <-l.s.doubts.wake:
			l.onDoubts()
		default:
			return
		}
	}
}

// step does one slice of what is most urgent; false if nothing is left. One in
// eight goes to what is less so: changes that never end hold up nothing.
func (l *loop) step() bool {
	w := l.work
	pressing := w.Pressing()
	if l.steps++; pressing && l.steps%8 != 0 {
		if d, names := w.Names(); d != nil {
			l.scanner.lookNames(d, names)
		} else {
			l.scanner.lookAll(w.Urgent(), byEvent)
		}
		return true
	}
	if !pressing {
		l.files.dropAbandoned()
	}
	now := time.Now()
	if l.files.startDue(now) {
		return true
	}
	under, due := w.Walking(now)
	if due {
		l.begun = now
		l.checkFolder()
		w.BeginWalk(l.tree.Root)
		under, _ = w.Walking(now)
	}
	if !under {
		return pressing
	}
	l.scanner.lookAll(w.Walk(), byWalk)
	if under, _ = w.Walking(now); !under {
		l.endWalk(time.Now())
	}
	return true
}

// checkFolder finds out whether the share directory is still what its path
// leads to.
func (l *loop) checkFolder() {
	if !l.scanner.checkFolder() {
		return
	}
	l.work.WalkNow()
	if l.scanner.gone {
		l.work.WaitUntil(time.Now().Add(l.s.timing.missing))
	}
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
	l.work.EndWalk(now, now.Add(max(every, 50*took)))
	l.files.queue.Forgive(now)
	l.s.serve.Expire(now)
	if l.scanner.gone {
		return
	}
	if now.Sub(l.swept) > 24*time.Hour {
		l.swept = now
		live := map[inode.ID]struct{}{}
		l.tree.Files(func(f *tree.File) { live[f.Meta.ID] = struct{}{} })
		l.s.records.Sweep(live)
	}
	if !l.scanned {
		l.scanned = true
		l.s.log.Info("share directory scanned", "dirs", l.tree.Dirs(), "took", took)
	}
}

// wakeAt is when there is something to do though nothing happens. Files whose time
// has come wait for room, which a result makes, or a write of records.
func (l *loop) wakeAt() time.Time {
	at := l.work.Next()
	if due, ok := l.files.queue.Wake(); ok && due.Before(at) && l.s.pool.Room() {
		at = due
	}
	if since, ok := l.ledger.Since(); ok && l.scanned {
		if when := l.publishAt(since); when.Before(at) {
			at = when
		}
	}
	return at
}

// publishAt is the earliest time to publish what changed since then. What it
// cost the last time bounds how often, so that a large share that changes all
// the time does not do nothing else.
func (l *loop) publishAt(since time.Time) time.Time {
	t := l.s.timing
	at := l.last.Add(max(t.pace, min(5*l.cost, t.maxPace)))
	if soon := since.Add(t.lag); soon.After(at) {
		return soon
	}
	return at
}

// publish makes what has changed visible, if it is time to.
func (l *loop) publish() {
	since, any := l.ledger.Since()
	if !l.scanned || !any && l.told {
		return
	}
	now := time.Now()
	if any && (now.Before(l.publishAt(since)) || l.work.Pressing() && now.Sub(since) < l.s.timing.hold) {
		return
	}
	first := !l.told
	l.told = true
	l.tree.TouchDirs()
	l.ledger.Publish()
	l.last, l.cost = now, time.Since(now)
	l.report()
	l.s.out.Tell()
	if first {
		close(l.s.scanned)
	}
}

func (l *loop) unwatched() int { return l.tree.Dirs() - len(l.watches.dirs) }

// report keeps Stats fresh.
func (l *loop) report() {
	waiting, jobs := l.files.queue.Len()
	ignored, unfit := l.tree.LeftOut()
	trouble := len(l.files.trouble)
	c := counts{
		ignored: ignored, skipped: unfit + trouble,
		waiting: max(0, waiting-jobs-trouble), queued: jobs,
		hashed:    l.files.hashed,
		unwatched: l.unwatched(),
		scanned:   l.told,
	}
	if c != *l.s.counts.Load() {
		l.s.counts.Store(&c)
	}
}
