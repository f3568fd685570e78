package catalog

import (
	"net/netip"
	"time"
)

// roster is the table of authors. Part of State.
type roster struct {
	authors   map[Key]*author
	places    places
	clock     clock
	newcomers int   // authors since absent ones were last counted
	tellable  []Key // authors with a head that could not be passed on before
}

func newRoster(known int) roster {
	return roster{authors: make(map[Key]*author), places: newPlaces(known)}
}

// Told is what the sender of a head says of its author, and who the sender is.
// The zero value: nothing, and nobody who is known.
type Told struct {
	Age  time.Duration // since the author was last connected to anybody
	Met  bool          // the author was connected to the sender himself, once
	From netip.Prefix  // the sender's address group
}

// addAuthor enters an author in the table, whatever it holds.
func (s *State) addAuthor(k Key) *author {
	a := &author{key: k}
	s.authors[k] = a
	s.newcomers++
	return a
}

// settleIn gives an author who has none a place in the table. False if it is
// refused.
func (s *State) settleIn(a *author, group netip.Prefix, l lane) bool {
	switch {
	case a.placed:
		return true
	case s.isSelf(a) || s.trusted[a.key]:
		s.places.add(group)
	case !s.places.take(group, l):
		return false
	}
	a.placed, a.group = true, group
	a.quiet = l != came && s.places.many(group)
	return true
}

// moveHome counts an author in his own address group, or, where he was never
// here, in that of somebody who has met him: not in that of whoever told of him
// first, who may bring so many others that he would go with them.
func (s *State) moveHome(a *author, group netip.Prefix, l lane) {
	switch {
	case !a.placed || a.group == group || s.isSelf(a):
	case l == came, l == vouched && !a.met && s.places.used[group] < s.places.used[a.group]:
		if s.places.take(group, l) {
			s.places.free(a.group)
			a.group = group
			a.quiet = l != came && s.places.many(group)
			s.saveAuthor(a)
		}
	}
}

// drop takes an author out of the table.
func (s *State) drop(a *author) {
	delete(s.authors, a.key)
	if a.placed {
		s.places.free(a.group)
		s.store.put(func(b *batch) { b.heads[a.key] = nil })
	}
}

// dropExpired makes room in a crowded table: it takes out authors whose heads
// are past their time, so that none that are older can be taken for news.
func (s *State) dropExpired() {
	if !s.places.crowded() {
		return
	}
	s.places.refused = false
	for _, a := range s.authors {
		if a.newest() == nil && a.present == 0 && s.worth(a) < 2 && a.age(s.clock.elapsed) >= maxAge {
			s.drop(a)
		}
	}
}

// Met notes that an author is connected, and the address group from which. Gone
// must follow.
func (s *State) Met(k Key, group netip.Prefix, now time.Time) {
	s.tell(now)
	a := s.authors[k]
	if a == nil {
		a = s.addAuthor(k)
	}
	s.moveHome(a, group, came)
	if !s.settleIn(a, group, came) {
		a.group = group // for when there is room
	}
	a.present++
	a.met, a.quiet, a.seen = true, false, now
	a.here(s.clock.elapsed)
	s.saveAuthor(a)
}

// Gone notes that a connection to an author has ended.
func (s *State) Gone(k Key, now time.Time) {
	s.tell(now)
	a := s.authors[k]
	if a == nil || a.present == 0 {
		return
	}
	a.present--
	a.seen = now
	a.here(s.clock.elapsed)
	if a.present == 0 && !a.placed {
		s.drop(a)
		return
	}
	s.saveAuthor(a)
}

// Hearsay notes what somebody tells of an author, who knows of the head of that
// sequence number. Of others than the newest it means nothing. It reports whether
// the author is younger by an hour than was known.
func (s *State) Hearsay(k Key, seq int64, told Told) bool {
	a := s.authors[k]
	if a == nil || a.seq != seq || a.newest() == nil {
		return false
	}
	if told.Met {
		s.moveHome(a, told.From, vouched)
	}
	before := a.last
	a.hearsay(s.clock.elapsed, told.Age)
	if a.present > 0 || a.last-before < time.Hour {
		return false
	}
	s.saveAuthor(a)
	return true
}

// Group returns the address group that brought an author; the zero Prefix where
// that is not known.
func (s *State) Group(k Key) netip.Prefix {
	if a := s.authors[k]; a != nil {
		return a.group
	}
	return netip.Prefix{}
}

// Tellable returns the authors of whom a newer head can be passed on than when
// it was last called.
func (s *State) Tellable() []Key {
	list := s.tellable
	s.tellable = nil
	return list
}

// WasMet reports whether an author was connected here once.
func (s *State) WasMet(k Key) bool {
	a := s.authors[k]
	return a != nil && a.met
}

// Seen returns when an author last gave a sign of life: zero if he is not
// known.
func (s *State) Seen(k Key) time.Time {
	if a := s.authors[k]; a != nil && a.seen.Unix() > 0 {
		return a.seen
	}
	return time.Time{}
}
