package catalog

import (
	"cmp"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// ErrTooLarge is a catalogue of our own beyond what other members would take.
var ErrTooLarge = errors.New("more files than a member may share")

// Sweep forgets what has expired and deletes what nothing has referred to for
// some time. To be called every minute or so.
func (s *State) Sweep(now time.Time) {
	s.tell(now)
	for _, a := range s.authors {
		if a.present > 0 && s.clock.elapsed-a.last > time.Hour {
			a.here(s.clock.elapsed) // so that a crash costs no more than that
			s.saveAuthor(a)
		}
		if h := a.newest(); h != nil && !s.isSelf(a) && s.dead(a, h) {
			s.forget(a)
		}
	}
	if s.clock.at.Sub(s.clock.saved).Abs() >= time.Hour {
		s.clock.saved = s.clock.at
		s.store.put(func(b *batch) { b.clock = s.clock.marshal() })
	}
	s.dropExpired()
	s.enforceBounds()
	s.collect(now.Add(-s.limits.Keep))
}

func (s *State) isSelf(a *author) bool { return s.self != nil && a.key == s.self.Key() }

// forget drops the heads of an author, but not his sequence number.
func (s *State) forget(a *author) {
	s.dropWant(a)
	s.saveAuthor(a)
	s.leaving = append(s.leaving, a)
	s.advance()
}

// enforceBounds makes room where there is more than Limits allows.
func (s *State) enforceBounds() {
	if s.left <= 0 { // in a State that is paced
		s.crowded = true
		return
	}
	s.newcomers = 0
	s.spend(len(s.authors) / 16)
	s.thinAbsent()
	if s.held > s.limits.Drive {
		s.collect(s.now.Add(time.Nanosecond))
	}
	if s.held > s.limits.Drive {
		s.level()
	}
}

// thinAbsent forgets absent authors where there are too many: of the address
// group that brought most of them the least worth, again and again, until the
// bound holds with some room. Trusted ones stay.
func (s *State) thinAbsent() {
	if len(s.authors) <= s.limits.Absent {
		return
	}
	absent := s.leastWorth(func(a *author) bool { return a.newest() != nil && a.present == 0 && !s.isSelf(a) })
	excess := len(absent) - s.limits.Absent
	if excess <= 0 {
		return
	}
	groups := make(map[netip.Prefix][]*author)
	untrusted := 0
	for _, a := range absent {
		if s.worth(a) < 2 {
			groups[a.group] = append(groups[a.group], a)
			untrusted++
		}
	}
	crowd := slices.Collect(maps.Values(groups))
	slices.SortFunc(crowd, func(x, y []*author) int {
		return cmp.Or(cmp.Compare(len(y), len(x)), x[0].group.Addr().Compare(y[0].group.Addr()))
	})
	// One of each of the largest groups in turn, as far as they are larger than
	// the next: so they are cut down to one size.
	for n, most := min(excess+s.limits.Absent/20, untrusted), 1; n > 0; {
		for most < len(crowd) && len(crowd[most]) == len(crowd[0]) {
			most++
		}
		for i := most - 1; i >= 0 && n > 0; i, n = i-1, n-1 {
			s.forget(crowd[i][0])
			crowd[i] = crowd[i][1:]
		}
	}
	s.collect(s.now.Add(time.Nanosecond))
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
