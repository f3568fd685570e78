package tree

import (
	"testing"
	"time"
)

func TestWork(t *testing.T) {
	now := time.Unix(1e9, 0)
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	for name, c := range map[string]struct {
		ask  func(a *Work)
		want time.Time
	}{
		"nothing":      {func(*Work) {}, at(60)},
		"soon":         {func(a *Work) { a.WalkBy(at(9)); a.WalkBy(at(5)); a.WalkBy(at(7)) }, at(5)},
		"later anyway": {func(a *Work) { a.WalkBy(at(90)) }, at(60)},
		"now":          {func(a *Work) { a.WalkBy(at(5)); a.WalkNow() }, now},
	} {
		a := NewWork()
		c.ask(a)
		a.EndWalk(now, at(60))
		if a.Next() != c.want {
			t.Errorf("%s: next walk at %v, want %v", name, a.Next(), c.want)
		}
	}
	a := NewWork()
	d := newDir(nil, "")
	a.Hurry(d)
	a.Visit(d)
	if len(a.urgent) != 1 || len(a.walk) != 0 || a.Urgent() != d || d.queued || a.Pressing() {
		t.Errorf("a directory is queued more than once: %+v", a)
	}
	a.Mark(d, "x")
	a.Mark(d, "x")
	a.Mark(d, "y")
	if got, names := a.Names(); got != d || len(names) != 2 || a.Pressing() {
		t.Errorf("got %v %v", got, names)
	}
}
