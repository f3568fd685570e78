package catalog

import (
	"log/slog"
	"time"
)

// Limits bounds what a State keeps of others. The zero value of a field stands
// for its default.
type Limits struct {
	Absent  int           // authors not connected whose catalogues are kept; default 10 000
	Known   int           // authors whose sequence numbers are kept; default 131 072
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
	store   *Store
	self    *Identity
	salt    Salt
	trusted map[Key]bool
	limits  Limits
	log     *slog.Logger

	authors   map[Key]*author
	nodes     map[Hash]*node     // all objects here, and those that something refers to
	parents   map[Hash][]Hash    // objects here that wait for this one
	roots     map[Hash][]Key     // authors whose wanted head waits for this one
	garbage   map[Hash]time.Time // objects here that nothing refers to, and since when
	held      int64              // sum of the weights of the objects here
	unweighed int64              // bytes put since overweight authors were looked for
	nextOrder uint64             // of the author shown next for the first time
	newcomers int                // authors since absent ones were last counted
	now       time.Time          // of the latest call that told it
	claims    *claims
	rootNames *rootNames // of the view; nil: not counted yet
	view      *View
}

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
	seen    time.Time // when he last gave a sign of life
	present int       // connections to him now
}

// newest returns the head to pass on, or nil.
func (a *author) newest() *Head {
	if a.want != nil {
		return a.want
	}
	return a.shown
}

// NewState reads what the store holds.
func NewState(cfg Config) (*State, error) {
	s := &State{
		store: cfg.Store, self: cfg.Self, salt: cfg.Salt, log: cfg.Log,
		trusted: make(map[Key]bool), limits: cfg.Limits.withDefaults(),
		authors: make(map[Key]*author), nodes: make(map[Hash]*node),
		parents: make(map[Hash][]Hash), roots: make(map[Hash][]Key),
		garbage: make(map[Hash]time.Time), nextOrder: 1,
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for _, k := range cfg.Trusted {
		s.trusted[k] = true
	}
	s.ref(emptyHash) // for ever
	s.addNode(emptyHash, &node{here: true})
	s.claims = newClaims()
	s.view = &View{store: s.store, dirs: newDirCache(), claims: s.claims}
	if err := s.readStore(); err != nil {
		return nil, err
	}
	return s, nil
}

// View returns the namespace as it is now.
func (s *State) View() *View { return s.view }

// Result says what became of a head.
type Result int

// Results of Apply.
const (
	Stale     Result = iota // not newer than what is known, or expired: nothing changed
	Accepted                // newer: pass it on, and fetch what Missing tells
	Overtaken               // our own key's, signed elsewhere and newer than ours: publish again
)

// Apply takes in a head from the network or anywhere else. The error is not
// nil if it is forged or belongs to another drive; whoever sent it broke the
// protocol.
func (s *State) Apply(h Head, now time.Time) (Result, error) {
	s.now = now
	a := s.authors[h.Key]
	if a != nil && !a.newer(h.Seq) {
		return Stale, nil
	}
	if err := h.Admit(s.salt); err != nil {
		return Stale, err
	}
	own := s.self != nil && h.Key == s.self.Key()
	if !own && !h.Expires.After(now) {
		return Stale, nil
	}
	if a == nil {
		a = s.addAuthor(h.Key)
	}
	if own {
		a.seq = h.Seq
		s.saveAuthor(a)
		return Overtaken, nil
	}
	a.seq, a.bad, a.seen = h.Seq, false, now
	s.setWant(a, &h)
	s.saveAuthor(a)
	if s.newcomers > s.limits.Absent/100 || s.held > s.limits.Drive {
		s.enforceBounds()
	}
	return Accepted, nil
}

// Newer reports whether a head of that author and seq would be news.
func (s *State) Newer(k Key, seq int64) bool {
	a := s.authors[k]
	return a == nil || a.newer(seq)
}

// newer reports whether a head of that seq would be news. The one that is
// known may come again after it was given up for want of space.
func (a *author) newer(seq int64) bool {
	if seq == a.seq {
		return a.newest() == nil && !a.bad && a.seq > 0
	}
	return seq > a.seq
}

func (s *State) addAuthor(k Key) *author {
	a := &author{key: k}
	s.authors[k] = a
	s.newcomers++
	return a
}

// setWant makes h the head that is fetched, and shows it if it lacks nothing.
func (s *State) setWant(a *author, h *Head) {
	s.dropWant(a)
	a.want = h
	n := s.ref(h.Root)
	switch {
	case n.bad:
		s.reject(a)
	case n.complete:
		s.showWanted(a)
	default:
		s.roots[h.Root] = append(s.roots[h.Root], a.key)
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

// Len returns how many authors are known, with or without a head.
func (s *State) Len() int { return len(s.authors) }

// Version is an author and the highest sequence number known of him.
type Version struct {
	Key Key
	Seq int64
}

// Versions returns all authors whose head is held here, in no order.
func (s *State) Versions() []Version {
	list := make([]Version, 0, len(s.authors))
	for _, a := range s.authors {
		if a.newest() != nil {
			list = append(list, Version{a.key, a.seq})
		}
	}
	return list
}

// Head returns the newest head of an author, which may not be shown yet.
func (s *State) Head(k Key) (Head, bool) {
	if a := s.authors[k]; a != nil && a.newest() != nil {
		return *a.newest(), true
	}
	return Head{}, false
}

// Met notes that an author is connected. Gone must follow.
func (s *State) Met(k Key, now time.Time) {
	s.now = now
	a := s.authors[k]
	if a == nil {
		a = s.addAuthor(k)
	}
	a.present++
	a.met, a.seen = true, now
	s.saveAuthor(a)
}

// Gone notes that a connection to an author has ended.
func (s *State) Gone(k Key, now time.Time) {
	s.now = now
	if a := s.authors[k]; a != nil && a.present > 0 {
		a.present--
		a.seen = now
		s.saveAuthor(a)
	}
}
