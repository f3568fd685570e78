package catalog

import (
	"cmp"
	"slices"
	"time"
)

// sizePause is how long a head that was given up because its author has most
// bytes of all is not taken again.
const sizePause = time.Hour

// maxWeighed bounds the objects that are looked at in one search for who has
// most bytes. Of what is beyond each object counts as often as it is named.
const maxWeighed = 1 << 16

// slack is the part of the bound that is left free when room is made, so that it
// is not made for each object that comes.
const slack = 64

// weight is what a catalogue was found to take, each object counted once.
type weight struct {
	root  Hash
	bytes int64
}

// levelling makes room for everybody where the drive holds more than it may:
// the author with most bytes loses first, what he has begun to publish before
// what he shows, until the bound holds with some room. So whoever has less than an
// equal part never loses (max-min fairness); neither presence nor acquaintance
// makes up for size. Our own catalogue stays.
type levelling struct {
	s      *State
	todo   []*author // to be weighed
	now    *weighing // of one of them; nil: none
	list   []heavy   // who has most is last, once sorted
	sorted bool
	gone   bool // somebody lost something: it is to be collected
	left   int  // objects that may still be looked at
}

// level begins that, if it is not under way.
func (s *State) level() {
	if s.levelling == nil {
		t := &levelling{s: s, left: maxWeighed}
		for _, a := range s.authors {
			if a.newest() != nil && !s.isSelf(a) {
				t.todo = append(t.todo, a)
			}
		}
		s.levelling = t
	}
	s.advance()
}

// levelOne goes on with that. False if it is not under way.
func (s *State) levelOne() bool {
	t := s.levelling
	switch {
	case t == nil:
		return false
	case t.now != nil:
		t.weigh()
	case len(t.todo) > 0:
		s.spend(1)
		a := t.todo[len(t.todo)-1]
		t.todo = t.todo[:len(t.todo)-1]
		t.begin(a)
	case t.gone:
		t.gone = false
		s.collect(s.now.Add(time.Nanosecond))
	case !t.sorted:
		s.spend(len(t.list) / 4)
		slices.SortFunc(t.list, heavy.compare)
		t.sorted = true
	case s.held <= s.limits.Drive-s.limits.Drive/slack || len(t.list) == 0:
		s.levelling = nil
	default:
		t.giveUp()
	}
	return true
}

// giveUp takes something from who has most.
func (t *levelling) giveUp() {
	s := t.s
	a := t.list[len(t.list)-1].a
	t.list = t.list[:len(t.list)-1]
	switch {
	case a.newest() == nil:
		return // forgotten meanwhile
	case a.want != nil:
		s.dropWant(a)
		s.saveAuthor(a)
		if a.shown != nil {
			t.todo, t.sorted = append(t.todo, a), false
		}
	default:
		s.forget(a)
	}
	a.refused = s.clock.elapsed + sizePause
	s.log.Debug("catalogue given up for want of space", "member", a.key.Short())
	t.gone = true
}

// heavy is an author and the bytes that he has here.
type heavy struct {
	a     *author
	bytes int64
}

func (x heavy) compare(y heavy) int {
	return -cmp.Or(cmp.Compare(y.bytes, x.bytes), x.a.seen.Compare(y.a.seen), slices.Compare(x.a.key[:], y.a.key[:]))
}

// weighing finds out the weight of what is here of an author: of what he shows
// and of what of a newer catalogue has come.
type weighing struct {
	a       *author
	shown   Hash // nothing else; zero: there is more
	seen    map[Hash]bool
	pending []Hash
	bytes   int64
}

// begin weighs an author, unless it is known what he has.
func (t *levelling) begin(a *author) {
	w := &weighing{a: a, seen: make(map[Hash]bool)}
	switch {
	case a.newest() == nil:
		return
	case a.want == nil && a.weight.root == a.shown.Root:
		t.list = append(t.list, heavy{a, a.weight.bytes})
		return
	case a.want == nil:
		w.shown = a.shown.Root
	default:
		w.pending = append(w.pending, a.want.Root)
	}
	if a.shown != nil {
		w.pending = append(w.pending, a.shown.Root)
	}
	t.now = w
}

// weigh looks at one object.
func (t *levelling) weigh() {
	w := t.now
	if len(w.pending) == 0 {
		t.now = nil
		t.list = append(t.list, heavy{w.a, w.bytes})
		if w.shown != (Hash{}) && t.left >= 0 {
			w.a.weight = weight{w.shown, w.bytes}
		}
		return
	}
	h := w.pending[len(w.pending)-1]
	w.pending = w.pending[:len(w.pending)-1]
	t.s.spend(1)
	n := t.s.nodes[h]
	if n == nil || !n.here || w.seen[h] {
		return
	}
	w.seen[h] = true
	if t.left--; t.left < 0 && n.complete {
		w.bytes += n.bytes
		return
	}
	w.bytes += n.weight()
	if t.left >= 0 {
		t.s.spend(len(n.kids) / 4)
		w.pending = append(w.pending, n.kids...)
	}
}
