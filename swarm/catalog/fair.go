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

// level makes room for everybody where the drive holds more than it may: the
// author with most bytes loses first, what he has begun to publish before what
// he shows, until the bound holds with some room. So whoever has less than an equal part never
// loses (max-min fairness); neither presence nor acquaintance makes up for size.
// Our own catalogue stays.
func (s *State) level() {
	w := weigher{s: s, left: maxWeighed}
	list := s.heavy(&w)
	bound := s.limits.Drive - s.limits.Drive/slack
	for len(list) > 0 && s.held > bound {
		a := list[0].a
		list = list[1:]
		if a.want != nil {
			s.dropWant(a)
			s.saveAuthor(a)
			if a.shown != nil {
				list = insertHeavy(list, heavy{a, w.of(a)})
			}
		} else {
			s.forget(a)
		}
		a.refused = s.clock.elapsed + sizePause
		s.log.Debug("catalogue given up for want of space", "member", a.key.Short())
		s.collect(s.now.Add(time.Nanosecond))
	}
}

// heavy is an author and the bytes that he has here.
type heavy struct {
	a     *author
	bytes int64
}

func (x heavy) compare(y heavy) int {
	return cmp.Or(cmp.Compare(y.bytes, x.bytes), x.a.seen.Compare(y.a.seen), slices.Compare(x.a.key[:], y.a.key[:]))
}

// heavy returns all authors that have anything, who has most first.
func (s *State) heavy(w *weigher) []heavy {
	var list []heavy
	for _, a := range s.authors {
		if a.newest() != nil && !s.isSelf(a) {
			list = append(list, heavy{a, w.of(a)})
		}
	}
	slices.SortFunc(list, heavy.compare)
	return list
}

func insertHeavy(list []heavy, x heavy) []heavy {
	i, _ := slices.BinarySearchFunc(list, x, heavy.compare)
	return slices.Insert(list, i, x)
}

// weigher finds out what authors have.
type weigher struct {
	s    *State
	left int // objects that may still be looked at
}

// of returns the bytes that an author has here: of what he shows and of what of
// a newer catalogue has come.
func (w *weigher) of(a *author) int64 {
	seen := make(map[Hash]bool)
	switch {
	case a.shown == nil:
		return w.under(a.want.Root, seen)
	case a.want != nil:
		return w.under(a.shown.Root, seen) + w.under(a.want.Root, seen)
	case a.weight.root != a.shown.Root:
		bytes := w.under(a.shown.Root, seen)
		if w.left < 0 {
			return bytes
		}
		a.weight = weight{a.shown.Root, bytes}
	}
	return a.weight.bytes
}

// under returns the weight of what is here under an object and not in seen.
func (w *weigher) under(root Hash, seen map[Hash]bool) (total int64) {
	for pending := []Hash{root}; len(pending) > 0; {
		h := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if seen[h] {
			continue
		}
		seen[h] = true
		n := w.s.nodes[h]
		if n == nil || !n.here {
			continue
		}
		w.left -= 1 + len(n.kids)
		switch {
		case w.left >= 0:
			total += n.weight()
			pending = append(pending, n.kids...)
		case n.complete:
			total += n.bytes
		default:
			total += n.weight()
		}
	}
	return total
}
