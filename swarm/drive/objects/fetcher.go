// Package objects fetches the objects that a drive lacks from its members: which
// is asked of whom, and when of another instead.
//
// It is pure: members are numbers, never used again, and now is a parameter; it
// has no connection, goroutine, lock or clock, and belongs to whoever made it. It
// does not know what is in an object: that it leaves to the catalogues.
//
// What somebody waits for (Await) goes first and is asked of several. All else is
// what authors' catalogues lack, queued by author and by the address group that
// brought him, so that who wants much, or what nobody has, delays himself. How many
// are wanted and asked for at once is bounded by member, author and group.
package objects

import (
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/catalog"
)

// Catalogues are what objects are fetched for. Missing may tell a part only, but
// something where anything is missing. *state.State is one.
type Catalogues interface {
	Needs(h catalog.Hash) bool
	Missing(author catalog.Key) []catalog.Hash
	PutObject(data []byte, now time.Time) catalog.Progress
}

// Sources tells which address group brought an author. *state.Roster is one.
type Sources interface {
	Group(author catalog.Key) netip.Prefix
}

// Fetcher is what is being fetched.
type Fetcher struct {
	catalogues Catalogues
	sources    Sources
	asks       *questions
	waits      map[catalog.Hash][]*Wait
	members    map[catalog.Key]int
}

// Wait is somebody's who waits for an object.
type Wait struct {
	hash catalog.Hash
	tell func(data []byte)
}

// New makes a Fetcher that fetches nothing and knows nobody.
func New(c Catalogues, s Sources) *Fetcher {
	return &Fetcher{c, s, newQuestions(), make(map[catalog.Hash][]*Wait), make(map[catalog.Key]int)}
}

// Join adds a member. He is asked for what nobody else had.
func (f *Fetcher) Join(id int, key catalog.Key) {
	f.members[key] = id
	f.asks.join(id)
}

// Leave removes a member. What he was asked for is asked of others.
func (f *Fetcher) Leave(id int, key catalog.Key) {
	if f.members[key] == id {
		delete(f.members, key)
	}
	f.asks.leave(id)
}

// Len is how many objects are wanted.
func (f *Fetcher) Len() int { return len(f.asks.wants) }

// Await fetches an object and has tell called with it, once. The holders probably
// have it.
func (f *Fetcher) Await(h catalog.Hash, holders []catalog.Key, tell func(data []byte)) *Wait {
	w := &Wait{h, tell}
	f.waits[h] = append(f.waits[h], w)
	var hints []int
	for _, k := range holders {
		if id, ok := f.members[k]; ok {
			hints = append(hints, id)
		}
	}
	f.asks.want(h, hints...)
	return w
}

// Cancel ends a wait: its tell is not called any more.
func (f *Fetcher) Cancel(w *Wait) {
	list := slices.DeleteFunc(f.waits[w.hash], func(other *Wait) bool { return other == w })
	if f.waits[w.hash] = list; len(list) > 0 {
		return
	}
	delete(f.waits, w.hash)
	if !f.catalogues.Needs(w.hash) {
		f.asks.drop(w.hash)
	}
}

// Complete fetches what an author's newest catalogue lacks. He has it, if he is
// here; else those do probably that it is known from, of whom one may have passed
// on the head only to be asked.
//
// What Missing tells may be a part, of which all is wanted already. So it is asked
// again each time that half of what it told has come, until it tells nothing.
func (f *Fetcher) Complete(author catalog.Key, from ...int) {
	list := f.catalogues.Missing(author)
	f.complete(author, list, from...)
	if len(list) > 0 {
		f.asks.askAgain(author)
	}
}

func (f *Fetcher) complete(author catalog.Key, list []catalog.Hash, from ...int) {
	if id, ok := f.members[author]; ok {
		from = []int{id}
	}
	f.asks.wantFor(author, f.sources.Group(author), list, from...)
}

// Got takes in an object of that hash which a member has sent. False if he was not
// asked for it. wall is the time of day.
func (f *Fetcher) Got(id int, h catalog.Hash, data []byte, wall time.Time) (asked bool) {
	authors, asked := f.asks.got(id, h)
	if !asked {
		return false
	}
	for _, w := range f.waits[h] {
		w.tell(data)
	}
	delete(f.waits, h)
	if f.catalogues.Needs(h) {
		p := f.catalogues.PutObject(data, wall)
		for _, k := range authors {
			f.complete(k, p.Missing, id)
		}
	}
	return true
}

// None takes in that a member does not have an object. False if he was not asked
// for it.
func (f *Fetcher) None(id int, h catalog.Hash) (asked bool) { return f.asks.none(id, h) }

// Due returns what is to be asked of whom now.
func (f *Fetcher) Due(now time.Time) []Question {
	for _, k := range f.asks.lanes.feed() {
		f.Complete(k)
	}
	if f.Len() == 0 {
		return nil
	}
	return f.asks.assign(now)
}

// Expire gives up waiting for answers that are late, and objects of catalogues that
// were replaced or refused while they were fetched.
func (f *Fetcher) Expire(now time.Time) {
	f.asks.dropUnless(func(h catalog.Hash) bool {
		return len(f.waits[h]) > 0 || f.catalogues.Needs(h)
	})
	f.asks.expire(now)
}
