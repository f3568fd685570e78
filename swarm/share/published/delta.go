package published

import (
	"maps"
	"slices"
	"sync"
)

// Delta is what is different in what is published.
type Delta struct {
	All  bool     // Put is everything: what else was published is not any more
	Put  []File   // new, or not as it was; sorted by path
	Gone []string // paths that are not published any more, those in a directory too; sorted
}

// Outbox keeps what others have not been told yet of a Set: at first, all of it.
// It is safe for concurrent use, and holds no more than there are entries, or a
// few.
type Outbox struct {
	set  *Set
	wake chan struct{} // room for one

	mu      sync.Mutex
	all     bool              // the next Delta is
	changed map[string]*Entry // by path; nil: not there any more
}

// NewOutbox returns one in which nothing is ready.
func NewOutbox(set *Set) *Outbox {
	return &Outbox{set: set, wake: make(chan struct{}, 1), all: true, changed: map[string]*Entry{}}
}

// Ready yields a value when Tell was called and there is something to Take.
func (o *Outbox) Ready() <-chan struct{} { return o.wake }

// Forget has the next Delta be All.
func (o *Outbox) Forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all, o.changed = true, map[string]*Entry{}
}

// add takes what has come into the Set.
func (o *Outbox) add(changes map[string]change) {
	const few = 10_000
	limit := o.set.size() + few
	o.mu.Lock()
	defer o.mu.Unlock()
	for path, c := range changes {
		if o.all {
			break // Take finds it in the Set
		}
		if !c.old.looksLike(c.new) {
			o.changed[path] = c.new
		}
	}
	if len(o.changed) > limit {
		o.all, o.changed = true, map[string]*Entry{}
	}
}

// Tell has Ready yield a value, if there is anything.
func (o *Outbox) Tell() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all || len(o.changed) > 0 {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
}

// Take returns what has changed since the last time, as one Delta. A path may
// be in two of them with the same File.
func (o *Outbox) Take() Delta {
	o.mu.Lock()
	all, changed := o.all, o.changed
	o.all, o.changed = false, map[string]*Entry{}
	o.mu.Unlock()
	if all {
		return Delta{All: true, Put: o.set.Files()}
	}
	var d Delta
	for _, path := range slices.Sorted(maps.Keys(changed)) {
		if e := changed[path]; e != nil {
			d.Put = append(d.Put, e.File())
		} else {
			d.Gone = append(d.Gone, path)
		}
	}
	return d
}

// looksLike reports whether others see no difference between two entries of
// a path, either of which may be nil.
func (e *Entry) looksLike(other *Entry) bool {
	if e == nil || other == nil {
		return e == other
	}
	return e.Root == other.Root && e.V1 == other.V1 && e.Kind == other.Kind && e.Exec == other.Exec &&
		e.ID.Size == other.ID.Size && e.ID.MTime == other.ID.MTime &&
		e.linkTarget() == other.linkTarget()
}
