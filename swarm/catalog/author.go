package catalog

import (
	"net/netip"
	"slices"
	"time"
)

// author is what is known of a member's catalogue.
type author struct {
	key     Key
	seq     int64     // highest ever seen with a valid signature
	bad     bool      // the head of that seq names no proper catalogue
	shown   *Head     // all objects under it are here; nil if none
	want    *Head     // newer, and still lacks some; nil if none
	who     *who      // as views know him; nil until first shown
	order   uint64    // 1 was shown first; 0: not yet
	met     bool      // was connected here once
	seen    time.Time // when he last gave a sign of life, by the wall clock
	present int       // connections to him now
	placed  bool      // has a place in the table, counted in group
	group   netip.Prefix
	quiet   bool // not passed on: whoever brought him brought too many, and he was never here
	weight  weight
	refused time.Duration // on the clock: until when what was given up for want of space is not taken again
	sighting
}

// newest returns the newest head that is kept, or nil.
func (a *author) newest() *Head {
	if a.want != nil {
		return a.want
	}
	return a.shown
}

// tellable returns the head to pass on, or nil.
func (a *author) tellable() *Head {
	switch {
	case a.want != nil && a.present > 0:
		return a.want
	case a.quiet:
		return nil
	}
	return a.shown
}

// summary returns what a view shows of the shown head. The author's clock may
// be anything: its time is not after that at which it came.
func (a *author) summary() Summary {
	sum := a.shown.Summary
	if sum.Time.After(a.seen) {
		sum.Time = a.seen.UTC().Truncate(time.Second)
	}
	return sum
}

// Newer reports whether a head of that author and seq would be news.
func (s *State) Newer(k Key, seq int64) bool {
	a := s.authors[k]
	return a == nil || s.newer(a, seq)
}

// newer reports whether a head of that seq would be news. The one that is
// known may come again some time after it was given up for want of space.
func (s *State) newer(a *author, seq int64) bool {
	if seq == a.seq {
		return a.newest() == nil && !a.bad && a.seq > 0 && s.clock.elapsed >= a.refused
	}
	return seq > a.seq
}

// setWant makes h the head that is fetched, and shows it if it lacks nothing.
func (s *State) setWant(a *author, h *Head) {
	n := s.ref(h.Root) // first: what the last one lacked as well is kept
	s.dropWant(a)
	a.want = h
	n.watched = true
	s.roots[h.Root] = append(s.roots[h.Root], a.key)
	if n.bad || n.complete {
		s.decided = append(s.decided, h.Root)
	}
	s.advance()
}

// advance does what is queued, and what follows from it for heads.
func (s *State) advance() {
	for s.run(); len(s.decided) > 0; s.run() {
		h := s.decided[len(s.decided)-1]
		s.decided = s.decided[:len(s.decided)-1]
		for _, k := range slices.Clone(s.roots[h]) {
			switch a := s.authors[k]; {
			case s.nodes[h].bad:
				s.reject(a)
			case s.nodes[h].complete:
				s.showWanted(a)
			}
		}
	}
}

// dropWant gives up the head that is being fetched.
func (s *State) dropWant(a *author) {
	if a.want == nil {
		return
	}
	root := a.want.Root
	a.want = nil
	s.roots[root] = remove(s.roots[root], a.key)
	if len(s.roots[root]) == 0 {
		delete(s.roots, root)
	}
	s.unref(root)
}

func remove[T comparable](list []T, v T) []T {
	for i := range list {
		if list[i] == v {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}

// showWanted makes the wanted head, which lacks nothing any more, the shown
// one, unless it is more than an author may have.
func (s *State) showWanted(a *author) {
	n := s.nodes[a.want.Root]
	if n.entries > s.limits.Entries || n.bytes > s.limits.Author || n.height > MaxDepth {
		s.reject(a)
		return
	}
	root := a.want.Root
	s.roots[root] = remove(s.roots[root], a.key)
	if len(s.roots[root]) == 0 {
		delete(s.roots, root)
	}
	before := a.shown
	a.shown, a.want = a.want, nil
	if a.order == 0 {
		a.order = s.nextOrder
		s.nextOrder++
	}
	s.saveAuthor(a)
	s.tellable = append(s.tellable, a.key)
	s.changeView(a, before)
	if before != nil {
		s.unref(before.Root)
	}
}

// reject gives up a head that names no proper catalogue. What was shown of its
// author stays.
func (s *State) reject(a *author) {
	s.log.Debug("catalogue refused", "member", a.key.Short(), "seq", a.want.Seq)
	a.bad = true
	s.dropWant(a)
	s.saveAuthor(a)
}
