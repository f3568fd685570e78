package catalog

import (
	"log/slog"
	"net/netip"
	"time"
)

// Limits bounds what a State keeps of others. The zero value of a field stands
// for its default.
type Limits struct {
	Absent  int           // authors not connected whose catalogues are kept; default 10 000
	Known   int           // authors who are known; default 131 072. An address group brings a quarter at most
	Drive   int64         // bytes of objects in all; default 256 MiB
	Author  int64         // bytes of objects an author; default 64 MiB
	Entries int64         // entries an author; default 2 097 152
	Keep    time.Duration // how long what nothing refers to is kept for old Views; default one minute
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Absent, 10_000)
	setDefault(&l.Known, 1<<17)
	setDefault(&l.Drive, 256<<20)
	setDefault(&l.Author, 64<<20)
	setDefault(&l.Entries, 1<<21)
	setDefault(&l.Keep, time.Minute)
	return l
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Config is what a State needs.
type Config struct {
	Store   *Store
	Self    *Identity // signs our own catalogue; nil: only others are shown
	Salt    Salt
	Trusted []Key // members whose names go before others'
	Limits  Limits
	Log     *slog.Logger // nil: silent
}

// State is what is known of a drive's catalogues. It is used by one goroutine;
// the Views it makes may be used by any. Its changes reach the disk with
// Store.Flush, which may run elsewhere.
type State struct {
	graph
	self    *Identity
	salt    Salt
	trusted map[Key]bool
	log     *slog.Logger

	roster
	roots     map[Hash]map[Key]struct{} // authors whose wanted head waits for this root
	unweighed int64                     // bytes put since overweight authors were looked for
	nextOrder uint64                    // the time, for who has what since when

	members  []*member // shown, by rank
	changed  bool      // members, since view was made
	view     *View
	claimed  int // claims of all authors
	claimLog claimLog

	work
}

// NewState reads what the store holds.
func NewState(cfg Config) (*State, error) {
	s := &State{
		graph: newGraph(cfg.Store, cfg.Limits.withDefaults()),
		self:  cfg.Self, salt: cfg.Salt, log: cfg.Log, trusted: make(map[Key]bool),
		roots: make(map[Hash]map[Key]struct{}), nextOrder: 1,
	}
	s.roster = newRoster(s.limits.Known)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, k := range cfg.Trusted {
		s.trusted[k] = true
	}
	s.ref(emptyHash) // for ever
	s.addNode(emptyHash, &node{here: true})
	s.view = &View{store: s.store, dirs: newDirCache()}
	if err := s.readStore(); err != nil {
		return nil, err
	}
	return s, nil
}

// Result says what became of a head.
type Result int

// Results of Apply.
const (
	Stale     Result = iota // not newer than what is known, or expired: nothing changed
	Accepted                // newer: pass it on, and fetch what Missing tells
	Overtaken               // our own key's, signed elsewhere and newer than ours: publish again
)

// Apply takes in a head from the network, and what its sender tells of its
// author. That of an author who is connected, as Met told, is alive whatever times
// it names: either clock may be wrong, and he is here. The error is not nil if the
// head is forged or belongs to another drive; whoever sent it broke the protocol.
func (s *State) Apply(h Head, told Told, now time.Time) (Result, error) {
	s.tell(now)
	a := s.authors[h.Key]
	if a != nil && !s.newer(a, h.Seq) {
		s.Hearsay(h.Key, h.Seq, told)
		return Stale, nil
	}
	if err := h.Admit(s.salt); err != nil {
		return Stale, err
	}
	if s.self != nil && h.Key == s.self.Key() {
		return s.overtaken(h), nil
	}
	if a == nil {
		a = &author{key: h.Key, sighting: sighting{last: s.clock.elapsed - max(told.Age, 0)}}
	}
	fresh := a.sighting
	if h.Seq > a.seq {
		fresh.newHead(s.clock.elapsed, told.Age, a.present > 0)
	} else {
		fresh.hearsay(s.clock.elapsed, told.Age)
	}
	if s.dead(&author{sighting: fresh, present: a.present}, &h) || !s.admit(a, told) {
		return Stale, nil
	}
	a.sighting = fresh
	a.seq, a.bad, a.seen = h.Seq, false, now
	s.setWant(a, &h)
	s.saveAuthor(a)
	if s.newcomers > s.limits.Absent/100 || s.held > s.limits.Drive {
		s.enforceBounds()
	}
	return Accepted, nil
}

// overtaken notes a head of our own key that is newer than ours.
func (s *State) overtaken(h Head) Result {
	a := s.authors[h.Key]
	if a == nil {
		a = s.addAuthor(h.Key)
		s.settleIn(a, netip.Prefix{}, came)
	}
	a.seq = h.Seq
	s.saveAuthor(a)
	return Overtaken
}

// admit gives the author of a head a place in the table. False if there is
// none.
func (s *State) admit(a *author, told Told) bool {
	group, l := told.From, heard
	switch {
	case a.present > 0:
		group, l = a.group, came // whoever told of him
	case told.Met:
		l = vouched
	}
	s.moveHome(a, group, l)
	if !s.settleIn(a, group, l) {
		return false
	}
	if s.authors[a.key] == nil {
		s.authors[a.key] = a
		s.newcomers++
	}
	return true
}

// Len returns how many authors are known, with or without a head.
func (s *State) Len() int { return len(s.authors) }

// Version is an author, the highest sequence number known of him, and how long
// ago he was connected to anybody, as far as is known.
type Version struct {
	Key Key
	Seq int64
	Age time.Duration
}

// Versions returns all authors of whom a head can be passed on, in no order.
func (s *State) Versions() []Version {
	list := make([]Version, 0, len(s.authors))
	for _, a := range s.authors {
		if a.tellable() != nil {
			list = append(list, Version{a.key, a.seq, s.Tell(a.key).Age})
		}
	}
	return list
}

// Head returns the head of an author to be passed on: the newest, which may not
// be shown yet, while he is connected, else the newest that lacks nothing: what
// nobody has but who made it up is not spread. Nor are more than some of those
// authors whom one address group brought and who were never here: members bound
// in their turn what we bring them.
func (s *State) Head(k Key) (Head, bool) {
	if a := s.authors[k]; a != nil && a.tellable() != nil {
		return *a.tellable(), true
	}
	return Head{}, false
}

// Tell returns what is to be told of an author with his head; From is not set.
func (s *State) Tell(k Key) Told {
	a := s.authors[k]
	if a == nil {
		return Told{}
	}
	if s.isSelf(a) {
		return Told{Met: true}
	}
	return Told{Age: a.age(s.clock.elapsed), Met: a.met}
}
