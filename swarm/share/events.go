package share

import (
	"path"
	"strings"
	"time"
)

func (l *loop) onEvents(events []event, ok bool) {
	if !ok {
		l.watches.lose() // the watcher broke: only walks are left
		l.agenda.walkNow()
		return
	}
	for _, e := range events {
		d := l.watches.dirs[e.wd]
		switch {
		case e.what == evOverflow:
			l.s.log.Warn("too many changes at once: looking at everything")
			l.agenda.walkNow()
		case d == nil: // removed meanwhile
		case e.what == evForgot:
			l.watches.forget(e.wd)
		case e.what == evModify:
			l.onModify(d, e.name)
		case e.what == evName:
			l.agenda.mark(d, e.name)
		case d.up == nil:
			l.agenda.walkNow()
		default:
			l.agenda.mark(d.up, d.name)
			l.agenda.hurry(d)
		}
	}
}

// onModify looks at a file that seemed to be finished. A file that is known to
// be changing is not looked at for each write to it: its closing is an event
// of its own.
func (l *loop) onModify(d *dir, name string) {
	if n := d.files[name]; n != nil && n.wait == nil {
		l.agenda.mark(d, name)
	}
}

func (l *loop) onPokes() {
	for e, how := range l.s.pokes.take() {
		base, name := path.Split(e.Path)
		d, ok := l.scanner.root, true
		if base != "" {
			d, ok = d.find(strings.Split(base[:len(base)-1], "/"))
		}
		if !ok {
			continue
		}
		if n := d.files[name]; n != nil && n.pub == e {
			l.doubt(n, how)
		}
		l.agenda.mark(d, name)
	}
}

// doubt forgets what a reader found wrong about a file as it is published now.
func (l *loop) doubt(n *node, how poke) {
	if how == pokeLook {
		return
	}
	if how == pokeHash {
		l.s.store.drop(n.pub.id)
	}
	l.ledger.put(n, nil)
	l.settler.begin(n)
	l.settler.settleLater(n.wait, time.Now())
}
