package state

import (
	"cmp"
	"p2pfs/swarm/catalog"
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
	root  catalog.Hash
	bytes int64
}

// levelling makes room for everybody where the drive holds more than it may:
// the author with most bytes loses first, what he has begun to publish before
// what he shows, until the bound holds with some room. So whoever has less than an
// equal part never loses (max-min fairness); neither presence nor acquaintance
// makes up for size. Our own catalogue stays.
type levelling struct {
	pace    *pace
	objects *graph
	todo    []*author // to be weighed
	now     *weighing // of one of them; nil: none
	list    []heavy   // who has most is last, once sorted
	sorted  bool
	gone    bool // somebody lost something: it is to be collected
	left    int  // objects that may still be looked at
}

func newLevelling(objects *graph, authors map[catalog.Key]*author) *levelling {
	t := &levelling{pace: objects.pace, objects: objects, left: maxWeighed}
	for _, a := range authors {
		if a.newest() != nil && a.rank != myself {
			t.todo = append(t.todo, a)
		}
	}
	return t
}

// step goes on. It returns, now and then, an author who is to lose what he has
// begun to publish, or if there is none what he shows; and whether all is done.
func (t *levelling) step() (loses *author, done bool) {
	g := t.objects
	switch {
	case t.now != nil:
		t.weigh()
	case len(t.todo) > 0:
		t.pace.spend(1)
		a := t.todo[len(t.todo)-1]
		t.todo = t.todo[:len(t.todo)-1]
		t.begin(a)
	case t.gone:
		t.gone = false
		g.collect(t.pace.now.Add(time.Nanosecond))
	case !t.sorted:
		t.pace.spend(len(t.list) / 4)
		slices.SortFunc(t.list, heavy.compare)
		t.sorted = true
	case g.held <= g.limits.Drive-g.limits.Drive/slack || len(t.list) == 0:
		return nil, true
	default:
		return t.heaviest(), false
	}
	return nil, false
}

// heaviest returns who has most, unless he was forgotten meanwhile. Who loses what
// he has begun to publish is weighed again with what he shows.
func (t *levelling) heaviest() *author {
	a := t.list[len(t.list)-1].a
	t.list = t.list[:len(t.list)-1]
	if a.newest() == nil {
		return nil
	}
	if a.want != nil && a.shown != nil {
		t.todo, t.sorted = append(t.todo, a), false
	}
	t.gone = true
	return a
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
	shown   catalog.Hash // nothing else; zero: there is more
	seen    map[catalog.Hash]bool
	pending []catalog.Hash
	bytes   int64
}

// begin weighs an author, unless it is known what he has.
func (t *levelling) begin(a *author) {
	w := &weighing{a: a, seen: make(map[catalog.Hash]bool)}
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
		if w.shown != (catalog.Hash{}) && t.left >= 0 {
			w.a.weight = weight{w.shown, w.bytes}
		}
		return
	}
	h := w.pending[len(w.pending)-1]
	w.pending = w.pending[:len(w.pending)-1]
	t.pace.spend(1)
	n := t.objects.nodes[h]
	if n == nil || !n.here || w.seen[h] {
		return
	}
	w.seen[h] = true
	if t.left--; t.left < 0 && n.complete {
		w.bytes += n.sum.bytes
		return
	}
	w.bytes += n.Weight()
	if t.left >= 0 {
		t.pace.spend(len(n.Kids) / 4)
		w.pending = append(w.pending, n.Kids...)
	}
}
