package share

import (
	"context"
	"path"
	"strings"
	"time"
)

// loop is the one goroutine that knows the tree. It takes events, looks at
// directories a slice at a time, what events are about first, and publishes.
// Reading files is the hashers' work; nothing waits for the loop but Close.
type loop struct {
	s     *Share
	ctx   context.Context
	watch watcher        // nil: none
	event <-chan []event // of watch; nil when it is spent

	root *dir
	base *ruleset       // in force above root
	gone bool           // the share directory is missing
	dirs int            // known, root too
	wds  map[int32]*dir // watched
	gen  uint32

	dirty  map[*dir]map[string]struct{} // names that something happened to
	urgent []*dir                       // directories to be scanned before all else
	walk   []*dir                       // the same for the scan of everything
	begun  time.Time                    // when walk began
	next   time.Time                    // for the next one
	how    look

	dues    dues
	heats   map[string]heat // by path
	orphans map[*job]struct{}
	unsaved []saving
	ledger  *ledger

	trouble map[string]string // by path: what was logged last
	oddSeen [2]int            // ignored, skipped names
	waiting int               // nodes with a wait
	hashed  int
	bytes   int64
	scanned bool
	told    bool // that it is scanned
	rewalk  bool // another walk was asked for
	warned  bool // that directories could not be watched
	swept   time.Time
}

// look says why a name is being looked at.
type look uint8

const (
	byWalk  look = iota // the scan of everything: known directories are gone into
	byEvent             // something happened: what was seen busy is asked again
)

// saving is a result on its way to the disk.
type saving struct {
	result
	seq uint64
	at  time.Time
}

func newLoop(ctx context.Context, s *Share) *loop {
	l := &loop{
		s: s, ctx: ctx,
		wds:     map[int32]*dir{},
		dirty:   map[*dir]map[string]struct{}{},
		heats:   map[string]heat{},
		orphans: map[*job]struct{}{},
		trouble: map[string]string{},
		ledger:  newLedger(),
	}
	l.root = newDir(nil, "")
	l.base = parseIgnore([]byte(temporary), "", nil)
	l.root.rules = l.base
	l.dirs = 1
	return l
}

// run works until ctx ends.
func (l *loop) run() {
	if l.watch != nil {
		defer l.watch.close()
		l.event = l.watch.events()
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for l.ctx.Err() == nil {
		more := l.step()
		l.s.hashers.feed()
		l.release()
		l.publish()
		l.report()
		if more {
			l.poll()
			continue
		}
		timer.Reset(time.Until(l.wakeAt()))
		l.wait(timer.C)
	}
}

// wait blocks until there is something to do.
func (l *loop) wait(timer <-chan time.Time) {
	select {
	case events, ok := <-l.event:
		l.onEvents(events, ok)
	case r := <-l.s.hashers.results:
		l.onResult(r)
	case <-l.s.pokes.wake:
		l.onPokes()
	case <-l.s.store.notify:
	case <-timer:
	case <-l.ctx.Done():
	}
	l.poll()
}

// poll takes what is there without blocking.
func (l *loop) poll() {
	for {
		select {
		case events, ok := <-l.event:
			l.onEvents(events, ok)
		case r := <-l.s.hashers.results:
			l.onResult(r)
		case <-l.s.pokes.wake:
			l.onPokes()
		default:
			return
		}
	}
}

// step does one slice of what is most urgent; false if nothing is left.
func (l *loop) step() bool {
	switch {
	case len(l.dirty) > 0:
		l.lookDirty()
		return true
	case len(l.urgent) > 0:
		l.how = byEvent
		l.scan(l.pop(&l.urgent))
		return true
	}
	l.reap()
	now := time.Now()
	if l.settleDue(now) {
		return true
	}
	if len(l.walk) == 0 && !now.Before(l.next) {
		l.beginWalk(now)
	}
	if len(l.walk) > 0 {
		l.how = byWalk
		l.scan(l.pop(&l.walk))
		if len(l.walk) == 0 {
			l.endWalk(time.Now())
		}
		return true
	}
	return false
}

func (l *loop) pop(queue *[]*dir) *dir {
	last := len(*queue) - 1
	d := (*queue)[last]
	(*queue)[last] = nil
	*queue = (*queue)[:last]
	return d
}

func (l *loop) beginWalk(now time.Time) {
	l.begun = now
	l.checkRoot()
	l.rewalk = false
	l.walk = append(l.walk, l.root)
}

// endWalk sets the time for the next walk: the longer one takes, the rarer
// they are.
func (l *loop) endWalk(now time.Time) {
	if f := l.s.cfg.test.walked; f != nil {
		defer f()
	}
	took, every := now.Sub(l.begun), l.s.timing.rescan
	if len(l.wds) < l.dirs {
		every = l.s.timing.unseen
	}
	if l.gone {
		every = l.s.timing.missing
	}
	l.next = now.Add(max(every, 50*took))
	if l.rewalk {
		l.next = now
	}
	l.coolDown(now)
	l.s.open.expire(now)
	if l.gone {
		return
	}
	if now.Sub(l.swept) > 24*time.Hour {
		l.swept = now
		l.sweep()
	}
	if !l.scanned {
		l.scanned = true
		l.s.log.Info("share directory scanned", "dirs", l.dirs, "took", took)
	}
}

// coolDown forgets the heat of paths that have been quiet.
func (l *loop) coolDown(now time.Time) {
	for p, h := range l.heats {
		if now.Sub(h.last) > h.quiet() {
			delete(l.heats, p)
		}
	}
	if len(l.heats) == 0 {
		l.heats = map[string]heat{}
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
	each(l.root)
	l.s.store.sweep(live)
}

// wakeAt is when there is something to do though nothing happens.
func (l *loop) wakeAt() time.Time {
	at := l.next
	earlier := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	if len(l.dues) > 0 {
		earlier(l.dues[0].due)
	}
	if len(l.ledger.deltas) > 0 && l.scanned {
		earlier(l.ledger.when(l.s.timing))
	}
	if len(l.unsaved) > 0 {
		earlier(l.unsaved[0].at.Add(l.s.timing.patience))
	}
	return at
}

func (l *loop) onEvents(events []event, ok bool) {
	if !ok {
		l.event = nil // the watcher broke: only walks are left
		clear(l.wds)
		return
	}
	for _, e := range events {
		d := l.wds[e.wd]
		switch {
		case e.what == evOverflow:
			l.s.log.Warn("too many changes at once: looking at everything")
			l.walkNow()
		case d == nil: // removed meanwhile
		case e.what == evForgot:
			delete(l.wds, e.wd)
			d.wd = noWatch
		case e.what == evModify:
			l.onModify(d, e.name)
		case e.what == evName:
			l.markDirty(d, e.name)
		case d.up == nil:
			l.walkNow()
		default:
			l.markDirty(d.up, d.name)
			l.hurry(d)
		}
	}
}

// onModify looks at a file that seemed to be finished. A file that is known to
// be changing is not looked at for each write to it: its closing is an event
// of its own.
func (l *loop) onModify(d *dir, name string) {
	if n := d.files[name]; n != nil && n.wait == nil {
		l.markDirty(d, name)
	}
}

// walkNow has everything looked at as soon as what is under way is done.
func (l *loop) walkNow() {
	l.next, l.rewalk = time.Time{}, true
}

func (l *loop) markDirty(d *dir, name string) {
	names := l.dirty[d]
	if names == nil {
		names = map[string]struct{}{}
		l.dirty[d] = names
	}
	names[name] = struct{}{}
}

// hurry has d scanned before all else.
func (l *loop) hurry(d *dir) {
	if !d.queued {
		d.queued = true
		l.urgent = append(l.urgent, d)
	}
}

func (l *loop) onPokes() {
	for p, force := range l.s.pokes.take() {
		base, name := path.Split(p)
		d := l.root
		if base != "" {
			var ok bool
			if d, ok = l.root.find(strings.Split(base[:len(base)-1], "/")); !ok {
				continue
			}
		}
		if n := d.files[name]; n != nil && force {
			l.s.store.drop(n.meta.ident)
			l.setPub(n, nil)
			n.meta = meta{}
		}
		l.markDirty(d, name)
	}
}

// publish makes what has changed visible, if it is time to.
func (l *loop) publish() {
	if len(l.ledger.deltas) == 0 && l.scanned == l.told {
		return
	}
	now := time.Now()
	busy := len(l.dirty)+len(l.urgent) > 0
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

// report keeps Stats fresh.
func (l *loop) report() {
	c := counts{
		published: l.ledger.count,
		ignored:   l.oddSeen[0], skipped: l.oddSeen[1] + len(l.trouble),
		waiting: max(0, l.waiting-len(l.s.hashers.jobs)), queued: len(l.s.hashers.jobs),
		hashed: l.hashed, hashedBytes: l.bytes,
		unwatched: l.dirs - len(l.wds),
		scanned:   l.told,
	}
	if c != *l.s.counts.Load() {
		l.s.counts.Store(&c)
	}
}
