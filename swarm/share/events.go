package share

import (
	"time"

	"p2pfs/swarm/share/serve"
	"p2pfs/swarm/share/watch"
)

func (l *loop) onEvents(events []watch.Event, ok bool) {
	if !ok {
		l.watches.lose() // the watcher broke: only walks are left
		l.work.WalkNow()
		return
	}
	for _, e := range events {
		d := l.watches.dirs[e.Watch]
		switch {
		case e.What == watch.Lost:
			l.s.log.Warn("too many changes at once: looking at everything")
			l.work.WalkNow()
		case d == nil: // removed meanwhile
		case e.What == watch.Forgotten:
			l.watches.forget(e.Watch)
		case e.What == watch.Modified:
			// A file that is known to be changing is not looked at for
			// each write to it: its closing is an event of its own.
			if f := d.File(e.Name); f != nil && !l.files.queue.Waits(f) {
				l.work.Mark(d, e.Name)
			}
		case e.What == watch.Entry:
			l.work.Mark(d, e.Name)
		case d.Up == nil:
			l.work.WalkNow()
		default:
			l.work.Mark(d.Up, d.Name)
			l.work.Hurry(d)
		}
	}
}

// onDoubts looks into what readers found wrong.
func (l *loop) onDoubts() {
	for e, how := range l.s.doubts.take() {
		d, name, ok := l.tree.Find(e.Path())
		if !ok {
			continue
		}
		if f := d.File(name); f != nil && f.Pub == e && how != serve.Changed {
			l.files.doubt(f, how, time.Now())
		}
		l.work.Mark(d, name)
	}
}
