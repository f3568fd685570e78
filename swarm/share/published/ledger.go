package published

import "time"

// change is what has become of a path: nil stands for absent.
type change struct {
	old, new *Entry
}

// Ledger collects changes until they are published. It belongs to one
// goroutine.
type Ledger struct {
	set     *Set
	out     *Outbox
	changes map[string]change // by path
	since   time.Time         // when the first of them was made
}

// NewLedger returns one for the changes to a Set, of which an Outbox is to
// tell.
func NewLedger(set *Set, out *Outbox) *Ledger {
	return &Ledger{set: set, out: out, changes: map[string]change{}}
}

// Change notes that a path goes from one entry to another, nil standing for
// none. from is what it went to before.
func (l *Ledger) Change(from, to *Entry, now time.Time) {
	if from == to {
		return
	}
	if len(l.changes) == 0 {
		l.since = now
	}
	at := to
	if at == nil {
		at = from
	}
	path := at.Path()
	if before, ok := l.changes[path]; ok {
		from = before.old
	}
	if from == to {
		delete(l.changes, path)
		return
	}
	l.changes[path] = change{from, to}
}

// Since returns when the first change was made, and whether there is any.
func (l *Ledger) Since() (time.Time, bool) { return l.since, len(l.changes) > 0 }

// Publish puts all changes into the Set, in one step, and what is different to
// others into the Outbox.
func (l *Ledger) Publish() {
	l.set.apply(l.changes)
	l.out.add(l.changes)
	l.changes = map[string]change{}
}
