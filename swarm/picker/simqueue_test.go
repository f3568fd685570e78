package picker_test

import "time"

// event is something that will happen. Of two at one time the one that was
// scheduled first comes first.
type event struct {
	at  time.Duration
	seq int
	f   func()
}

func (e *event) before(o *event) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

// queue is a binary heap of events; container/heap would box each.
type queue struct{ list []event }

func (q *queue) len() int { return len(q.list) }

func (q *queue) push(e event) {
	q.list = append(q.list, e)
	i := len(q.list) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !e.before(&q.list[up]) {
			break
		}
		q.list[i] = q.list[up]
		i = up
	}
	q.list[i] = e
}

func (q *queue) pop() event {
	top := q.list[0]
	n := len(q.list) - 1
	e := q.list[n]
	q.list[n] = event{}
	q.list = q.list[:n]
	i := 0
	for {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && q.list[c+1].before(&q.list[c]) {
			c++
		}
		if !q.list[c].before(&e) {
			break
		}
		q.list[i] = q.list[c]
		i = c
	}
	if n > 0 {
		q.list[i] = e
	}
	return top
}
