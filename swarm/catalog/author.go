package catalog

import (
	"net/netip"
	"time"

	"p2pfs/swarm/names"
)

// author is what is known of a member's catalogue.
type author struct {
	key     Key
	seq     int64     // highest ever seen with a valid signature
	bad     bool      // the head of that seq names no proper catalogue
	shown   *Head     // all objects under it are here; nil if none
	want    *Head     // newer, and still lacks some; nil if none
	who     *who      // as views know him; nil until first shown
	order   uint64    // since when what he shares is shown, where no claim says otherwise; 0: not yet
	claims  *claims   // since when he has names that others had before
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
	if s.roots[h.Root] == nil {
		s.roots[h.Root] = make(map[Key]struct{})
	}
	s.roots[h.Root][a.key] = struct{}{}
	switch {
	case n.complete && s.isSelf(a):
		s.showWanted(a)
	case n.complete || n.bad:
		s.decided = append(s.decided, h.Root)
	}
	s.advance()
}

// dropWant gives up the head that is being fetched.
func (s *State) dropWant(a *author) {
	if a.want == nil {
		return
	}
	root := a.want.Root
	a.want = nil
	s.unwait(root, a.key)
	s.unref(root)
}

// unwait notes that an author's wanted head does not wait for its root.
func (s *State) unwait(root Hash, k Key) {
	if delete(s.roots[root], k); len(s.roots[root]) == 0 {
		delete(s.roots, root)
	}
}

// showWanted has the wanted head, which lacks nothing any more, shown when it
// is settled, unless it is more than an author may have.
func (s *State) showWanted(a *author) {
	n := s.nodes[a.want.Root]
	if n.entries > s.limits.Entries || n.bytes > s.limits.Author || n.height > names.MaxDepth {
		s.reject(a)
		return
	}
	s.unwait(a.want.Root, a.key)
	if s.isSelf(a) { // takes nothing that is not ours
		s.show(a)
		return
	}
	s.showing = append(s.showing, showing{a, a.want})
}

// show makes the wanted head the shown one. Who was away has all his names
// since now.
func (s *State) show(a *author) {
	before := a.shown
	a.shown, a.want = a.want, nil
	if before == nil {
		s.renew(a)
	}
	s.saveAuthor(a)
	s.tellable = append(s.tellable, a.key)
	s.place(a)
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
