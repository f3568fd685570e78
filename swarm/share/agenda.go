package share

import "time"

// agenda is what is to be looked at in the tree. Owned by loop.
type agenda struct {
	dirty  map[*dir]map[string]struct{} // names that something happened to
	urgent []*dir                       // directories to be scanned before all else
	walk   []*dir                       // the same for the scan of everything
	next   time.Time                    // when walk is to begin again
	again  bool                         // and at once, whatever its end says
	by     time.Time                    // or by then, unless zero
}

func newAgenda() *agenda { return &agenda{dirty: map[*dir]map[string]struct{}{}} }

// pressing reports whether there is more than a walk to do.
func (a *agenda) pressing() bool { return len(a.dirty)+len(a.urgent) > 0 }

// mark notes that something happened to a name.
func (a *agenda) mark(d *dir, name string) {
	names := a.dirty[d]
	if names == nil {
		names = map[string]struct{}{}
		a.dirty[d] = names
	}
	names[name] = struct{}{}
}

// takeDirty returns one directory with its marked names.
func (a *agenda) takeDirty() (*dir, map[string]struct{}) {
	for d, names := range a.dirty {
		delete(a.dirty, d)
		return d, names
	}
	return nil, nil
}

// hurry has d scanned before all else.
func (a *agenda) hurry(d *dir) {
	if !d.queued {
		d.queued = true
		a.urgent = append(a.urgent, d)
	}
}

// visit has d scanned as part of the walk.
func (a *agenda) visit(d *dir) {
	if !d.queued {
		d.queued = true
		a.walk = append(a.walk, d)
	}
}

// walkNow has everything looked at as soon as what is under way is done.
func (a *agenda) walkNow() {
	a.next, a.again = time.Time{}, true
}

// walkBy has everything looked at by then.
func (a *agenda) walkBy(t time.Time) {
	if a.by.IsZero() || a.by.After(t) {
		a.by = t
	}
	if a.next.After(t) {
		a.next = t
	}
}

// ended sets the time for the next walk, unless another was asked for.
func (a *agenda) ended(now, next time.Time) {
	switch {
	case a.again:
		next = now
	case !a.by.IsZero() && a.by.Before(next):
		next = a.by
	}
	a.next, a.by = next, time.Time{}
}

// pop takes the last directory of a queue.
func pop(queue *[]*dir) *dir {
	last := len(*queue) - 1
	d := (*queue)[last]
	(*queue)[last] = nil
	*queue = (*queue)[:last]
	d.queued = false
	return d
}
