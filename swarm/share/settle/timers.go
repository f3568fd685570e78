package settle

import (
	"container/heap"
	"time"
)

// timers is a heap of what waits for a time, the earliest first.
type timers[F File] []*wait[F]

func (d timers[F]) Len() int           { return len(d) }
func (d timers[F]) Less(i, j int) bool { return d[i].due.Before(d[j].due) }
func (d timers[F]) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

// Push is for container/heap.
func (d *timers[F]) Push(x any) {
	w := x.(*wait[F])
	w.index = len(*d)
	*d = append(*d, w)
}

// Pop is for container/heap.
func (d *timers[F]) Pop() any {
	last := len(*d) - 1
	w := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	w.index = -1
	return w
}

// set has w's time come at due.
func (d *timers[F]) set(w *wait[F], due time.Time) {
	w.due = due
	if w.index >= 0 {
		heap.Fix(d, w.index)
	} else {
		heap.Push(d, w)
	}
}

// unset takes w out.
func (d *timers[F]) unset(w *wait[F]) {
	if w.index >= 0 {
		heap.Remove(d, w.index)
	}
}

// pop returns what is due at now, nil if nothing is.
func (d *timers[F]) pop(now time.Time) *wait[F] {
	if len(*d) == 0 || (*d)[0].due.After(now) {
		return nil
	}
	return heap.Pop(d).(*wait[F])
}

// ready is a queue of what waits no longer for a time, the first first.
type ready[F File] struct {
	waits []*wait[F]
	n     int // of them that were not unset
}

func (r *ready[F]) add(w *wait[F]) {
	w.ready = true
	r.waits = append(r.waits, w)
	r.n++
}

// unset takes w out.
func (r *ready[F]) unset(w *wait[F]) {
	if w.ready {
		w.ready = false
		r.n--
	}
}

// take returns the first, nil if there is none.
func (r *ready[F]) take() *wait[F] {
	for len(r.waits) > 0 {
		w := r.waits[0]
		r.waits[0] = nil
		r.waits = r.waits[1:]
		if w.ready {
			r.unset(w)
			return w
		}
	}
	r.waits = nil
	return nil
}
