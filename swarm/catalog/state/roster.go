package state

import (
	"net/netip"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"time"
)

// Roster is the table of authors: who is known, by which head, since when he
// has not been seen, and which address group brought him. It belongs to State's
// goroutine.
type Roster struct {
	pace      *pace
	store     *store.Store
	ranks     map[catalog.Key]standing // of ourselves and those who are trusted
	authors   map[catalog.Key]*author
	places    places
	clock     clock
	newcomers int // authors since absent ones were last counted
}

func newRoster(pace *pace, store *store.Store, known int) *Roster {
	return &Roster{
		pace: pace, store: store, ranks: make(map[catalog.Key]standing),
		authors: make(map[catalog.Key]*author), places: newPlaces(known),
	}
}

// tell takes note of the time.
func (r *Roster) tell(now time.Time) {
	r.pace.now = now
	r.clock.advance(now)
}

// author returns an author who is not in the table.
func (r *Roster) author(k catalog.Key) *author { return &author{key: k, rank: r.ranks[k]} }

// enter puts an author in the table.
func (r *Roster) enter(a *author) {
	if r.authors[a.key] == nil {
		r.authors[a.key] = a
		r.newcomers++
	}
}

// settleIn gives an author who has none a place in the table. False if it is
// refused.
func (r *Roster) settleIn(a *author, group netip.Prefix, l lane) bool {
	switch {
	case a.placed:
		return true
	case a.rank > stranger:
		r.places.add(group)
	case !r.places.take(group, l):
		return false
	}
	a.placed, a.group = true, group
	a.quiet = l != came && r.places.many(group)
	return true
}

// moveHome counts an author in his own address group, or, where he was never
// here, in that of somebody who has met him: not in that of whoever told of him
// first, who may bring so many others that he would go with them.
func (r *Roster) moveHome(a *author, group netip.Prefix, l lane) {
	switch {
	case !a.placed || a.group == group || a.rank == myself:
	case l == came, l == vouched && !a.met && r.places.used[group] < r.places.used[a.group]:
		if r.places.take(group, l) {
			r.places.free(a.group)
			a.group = group
			a.quiet = l != came && r.places.many(group)
			r.save(a)
		}
	}
}

// admit gives the author of a head a place in the table. False if there is
// none.
func (r *Roster) admit(a *author, told catalog.Told) bool {
	group, l := told.From, heard
	switch {
	case a.present > 0:
		group, l = a.group, came // whoever told of him
	case told.Met:
		l = vouched
	}
	r.moveHome(a, group, l)
	if !r.settleIn(a, group, l) {
		return false
	}
	r.enter(a)
	return true
}

// drop takes an author out of the table.
func (r *Roster) drop(a *author) {
	delete(r.authors, a.key)
	if a.placed {
		r.places.free(a.group)
		r.store.Put(func(b *store.Batch) { b.Heads[a.key] = nil })
	}
}

// dropExpired makes room in a crowded table: it takes out authors whose heads
// are past their time, so that none that are older can be taken for news.
func (r *Roster) dropExpired() {
	if !r.places.crowded() {
		return
	}
	r.places.refused = false
	for _, a := range r.authors {
		if a.newest() == nil && a.present == 0 && a.rank == stranger && a.age(r.clock.elapsed) >= maxAge {
			r.drop(a)
		}
	}
}

// expired returns the authors whose heads are past their time. That others are
// here is stored now and then, so that a crash costs no more than that.
func (r *Roster) expired() (list []*author) {
	for _, a := range r.authors {
		if a.present > 0 && r.clock.elapsed-a.last > time.Hour {
			a.here(r.clock.elapsed)
			r.save(a)
		}
		if h := a.newest(); h != nil && a.rank != myself && a.dead(h, r.clock.elapsed, r.pace.now) {
			list = append(list, a)
		}
	}
	if r.clock.at.Sub(r.clock.saved).Abs() >= time.Hour {
		r.clock.saved = r.clock.at
		r.store.Put(func(b *store.Batch) { b.Clock = r.clock.marshal() })
	}
	return list
}

// Met notes that an author is connected, and the address group from which. Gone
// must follow.
func (r *Roster) Met(k catalog.Key, group netip.Prefix, now time.Time) {
	r.tell(now)
	a := r.authors[k]
	if a == nil {
		a = r.author(k)
		r.enter(a)
	}
	r.moveHome(a, group, came)
	if !r.settleIn(a, group, came) {
		a.group = group // for when there is room
	}
	a.present++
	a.met, a.quiet, a.seen = true, false, now
	a.here(r.clock.elapsed)
	r.save(a)
}

// Gone notes that a connection to an author has ended.
func (r *Roster) Gone(k catalog.Key, now time.Time) {
	r.tell(now)
	a := r.authors[k]
	if a == nil || a.present == 0 {
		return
	}
	a.present--
	a.seen = now
	a.here(r.clock.elapsed)
	if a.present == 0 && !a.placed {
		r.drop(a)
		return
	}
	r.save(a)
}

// Hearsay notes what somebody tells of an author, who knows of the head of that
// sequence number. Of others than the newest it means nothing. It reports whether
// the author is younger by an hour than was known.
func (r *Roster) Hearsay(k catalog.Key, seq int64, told catalog.Told) bool {
	a := r.authors[k]
	if a == nil || a.seq != seq || a.newest() == nil {
		return false
	}
	if told.Met {
		r.moveHome(a, told.From, vouched)
	}
	before := a.last
	a.hearsay(r.clock.elapsed, told.Age)
	if a.present > 0 || a.last-before < time.Hour {
		return false
	}
	r.save(a)
	return true
}

// Group returns the address group that brought an author; the zero Prefix where
// that is not known.
func (r *Roster) Group(k catalog.Key) netip.Prefix {
	if a := r.authors[k]; a != nil {
		return a.group
	}
	return netip.Prefix{}
}

// WasMet reports whether an author was connected here once.
func (r *Roster) WasMet(k catalog.Key) bool {
	a := r.authors[k]
	return a != nil && a.met
}

// Seen returns when an author last gave a sign of life: zero if he is not
// known.
func (r *Roster) Seen(k catalog.Key) time.Time {
	if a := r.authors[k]; a != nil && a.seen.Unix() > 0 {
		return a.seen
	}
	return time.Time{}
}

// Newer reports whether a head of that author and seq would be news.
func (r *Roster) Newer(k catalog.Key, seq int64) bool {
	a := r.authors[k]
	return a == nil || a.newer(seq, r.clock.elapsed)
}

// Len returns how many authors are known, with or without a head.
func (r *Roster) Len() int { return len(r.authors) }

// Versions returns all authors of whom a head can be passed on, in no order.
func (r *Roster) Versions() []catalog.Version {
	list := make([]catalog.Version, 0, len(r.authors))
	for _, a := range r.authors {
		if a.tellable() != nil {
			list = append(list, catalog.Version{Key: a.key, Seq: a.seq, Age: r.Tell(a.key).Age})
		}
	}
	return list
}

// Head returns the head of an author to be passed on.
func (r *Roster) Head(k catalog.Key) (catalog.Head, bool) {
	if a := r.authors[k]; a != nil && a.tellable() != nil {
		return *a.tellable(), true
	}
	return catalog.Head{}, false
}

// Tell returns what is to be told of an author with his head; From is not set.
func (r *Roster) Tell(k catalog.Key) catalog.Told {
	a := r.authors[k]
	switch {
	case a == nil:
		return catalog.Told{}
	case a.rank == myself:
		return catalog.Told{Met: true}
	}
	return catalog.Told{Age: a.age(r.clock.elapsed), Met: a.met}
}
