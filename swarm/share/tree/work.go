package tree

import "time"

// Work is what is to be looked at in a Tree: names that something happened to
// first, then directories that are new, then, from time to time, everything.
type Work struct {
	dirty  map[*Dir]map[string]struct{} // names that something happened to
	urgent []*Dir                       // directories to be read before all else
	walk   []*Dir                       // the same for the look at everything
	next   time.Time                    // when walk is to begin again
	again  bool                         // and at once, whatever EndWalk says
	by     time.Time                    // or by then, unless zero
}

// NewWork returns one in which everything is to be looked at.
func NewWork() *Work { return &Work{dirty: map[*Dir]map[string]struct{}{}} }

// Pressing reports whether there is more than a look at everything to do.
func (w *Work) Pressing() bool { return len(w.dirty)+len(w.urgent) > 0 }

// Mark notes that something happened to a name.
func (w *Work) Mark(d *Dir, name string) {
	names := w.dirty[d]
	if names == nil {
		names = map[string]struct{}{}
		w.dirty[d] = names
	}
	names[name] = struct{}{}
}

// Names returns one directory with its marked names, nil if there is none.
func (w *Work) Names() (*Dir, map[string]struct{}) {
	for d, names := range w.dirty {
		delete(w.dirty, d)
		return d, names
	}
	return nil, nil
}

// Hurry has all of d looked at before all else.
func (w *Work) Hurry(d *Dir) { queue(&w.urgent, d) }

// Visit has all of d looked at as part of the look at everything.
func (w *Work) Visit(d *Dir) { queue(&w.walk, d) }

func queue(q *[]*Dir, d *Dir) {
	if !d.queued {
		d.queued = true
		*q = append(*q, d)
	}
}

// Urgent returns one directory of Hurry, nil if there is none.
func (w *Work) Urgent() *Dir { return pop(&w.urgent) }

// Walk returns one directory of Visit, nil if there is none.
func (w *Work) Walk() *Dir { return pop(&w.walk) }

// pop takes the last directory of a queue.
func pop(q *[]*Dir) *Dir {
	last := len(*q) - 1
	if last < 0 {
		return nil
	}
	d := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	d.queued = false
	return d
}

// Forget drops the marked names of a directory that is gone.
func (w *Work) Forget(d *Dir) { delete(w.dirty, d) }

// Walking reports whether a look at everything is under way, or is to begin.
func (w *Work) Walking(now time.Time) (under, due bool) {
	return len(w.walk) > 0, len(w.walk) == 0 && !now.Before(w.next)
}

// Next returns when everything is to be looked at again.
func (w *Work) Next() time.Time { return w.next }

// WalkNow has everything looked at as soon as what is under way is done.
func (w *Work) WalkNow() { w.next, w.again = time.Time{}, true }

// WalkBy has everything looked at by then.
func (w *Work) WalkBy(t time.Time) {
	if w.by.IsZero() || w.by.After(t) {
		w.by = t
	}
	if w.next.After(t) {
		w.next = t
	}
}

// BeginWalk begins a look at everything, from the top.
func (w *Work) BeginWalk(top *Dir) {
	w.again = false
	w.Visit(top)
}

// EndWalk sets the time for the next look at everything, unless another was
// asked for.
func (w *Work) EndWalk(now, next time.Time) {
	switch {
	case w.again:
		next = now
	case !w.by.IsZero() && w.by.Before(next):
		next = w.by
	}
	w.next, w.by = next, time.Time{}
}

// WaitUntil puts off the next look at everything.
func (w *Work) WaitUntil(t time.Time) { w.next = t }
