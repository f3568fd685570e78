package catalog

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// ErrTooLarge is a catalogue of our own beyond what other members would take.
var ErrTooLarge = errors.New("more files than a member may share")

// Sweep forgets what has expired and deletes what nothing has referred to for
// some time. To be called every minute or so.
func (s *State) Sweep(now time.Time) {
	s.now = now
	var gone []*author
	for _, a := range s.authors {
		h := a.newest()
		if h != nil && !s.isSelf(a) && a.present == 0 && !h.Expires.After(now) {
			gone = append(gone, a)
		}
	}
	s.forget(gone)
	s.enforceBounds()
	s.collect(now.Add(-s.limits.Keep))
}

func (s *State) isSelf(a *author) bool { return s.self != nil && a.key == s.self.Key() }

// forget drops the heads of authors, but neither their sequence numbers nor
// their rank.
func (s *State) forget(list []*author) {
	for _, a := range list {
		s.dropWant(a)
		if before := a.shown; before != nil {
			a.shown = nil
			s.changeView(a, before)
			s.unref(before.Root)
		}
		s.saveAuthor(a)
	}
}

// enforceBounds makes room where there is more than Limits allows.
func (s *State) enforceBounds() {
	s.newcomers = 0
	if len(s.authors) > s.limits.Known {
		s.forgetKnown()
	}
	if s.held > s.limits.Drive {
		s.collect(s.now.Add(time.Nanosecond))
	}
	absent := 0
	if len(s.authors) > s.limits.Absent {
		for _, a := range s.authors {
			if a.newest() != nil && a.present == 0 {
				absent++
			}
		}
	}
	if absent <= s.limits.Absent && s.held <= s.limits.Drive {
		return
	}
	s.evict(absent)
}

// evict forgets absent authors, the least worth first, until the bounds hold
// with some room; then heads that are being fetched.
func (s *State) evict(absent int) {
	list := s.leastWorth(func(a *author) bool { return a.newest() != nil && !s.isSelf(a) })
	target := absent
	if absent > s.limits.Absent {
		target = s.limits.Absent - s.limits.Absent/20
	}
	for _, a := range list {
		if absent <= target && s.held <= s.limits.Drive {
			return
		}
		if a.present == 0 {
			s.forget([]*author{a})
			absent--
			s.collect(s.now.Add(time.Nanosecond))
		}
	}
	for _, a := range list {
		if s.held <= s.limits.Drive {
			return
		}
		if a.want != nil {
			s.reject(a)
			s.collect(s.now.Add(time.Nanosecond))
		}
	}
}

// leastWorth returns the authors that f holds of: untrusted ones never met
// before others, and who was longest not heard of first.
func (s *State) leastWorth(f func(*author) bool) []*author {
	var list []*author
	for _, a := range s.authors {
		if f(a) {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(x, y *author) int {
		return cmp.Or(cmp.Compare(s.worth(x), s.worth(y)), x.seen.Compare(y.seen), slices.Compare(x.key[:], y.key[:]))
	})
	return list
}

func (s *State) worth(a *author) int {
	switch {
	case s.isSelf(a):
		return 3
	case s.trusted[a.key]:
		return 2
	case a.met:
		return 1
	}
	return 0
}

// forgetKnown forgets sequence numbers of authors without a head.
func (s *State) forgetKnown() {
	list := s.leastWorth(func(a *author) bool {
		return a.newest() == nil && a.present == 0 && s.worth(a) < 2
	})
	for _, a := range list {
		if len(s.authors) <= s.limits.Known-s.limits.Known/20 {
			return
		}
		delete(s.authors, a.key)
		s.store.put(func(b *batch) { b.heads[a.key] = nil })
	}
}
