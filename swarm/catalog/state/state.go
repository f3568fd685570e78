package state

import (
	"log/slog"
	"math"
	"net/netip"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/catalog/union"
	"time"

	"go.etcd.io/bbolt"
)

// Config is what a State needs.
type Config struct {
	Store   *store.Store
	Self    *catalog.Identity // signs our own catalogue; nil: only others are shown
	Salt    catalog.Salt
	Trusted []catalog.Key // members whose names go before others'
	Limits  Limits
	Log     *slog.Logger // nil: silent
}

// State is what is known of a drive's catalogues. It is used by one goroutine;
// the Views it makes may be used by any. Its changes reach the disk with
// Store.Flush, which may run elsewhere.
type State struct {
	Authors *Roster

	self    *catalog.Identity
	salt    catalog.Salt
	log     *slog.Logger
	pace    *pace
	store   *store.Store
	objects *graph
	wants   *wants
	claims  *claimTable
	ranking *ranking
	settler *settler
	work
}

// NewState reads what the store holds.
func New(cfg Config) (*State, error) {
	p, limits := &pace{left: math.MaxInt}, cfg.Limits.withDefaults()
	s := &State{self: cfg.Self, salt: cfg.Salt, log: cfg.Log, pace: p, store: cfg.Store}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.objects = newGraph(p, s.store, limits)
	s.Authors = newRoster(p, s.store, limits.Known)
	for _, k := range cfg.Trusted {
		s.Authors.ranks[k] = friend
	}
	if s.self != nil {
		s.Authors.ranks[s.self.Key()] = myself
	}
	s.wants = &wants{pace: p, objects: s.objects, roster: s.Authors, log: s.log, roots: make(map[catalog.Hash]map[catalog.Key]struct{})}
	s.claims = &claimTable{pace: p, roster: s.Authors, next: 1}
	s.ranking = newRanking(s.store)
	s.settler = &settler{pace: p, objects: s.objects, ranking: s.ranking, claims: s.claims}
	if err := s.load(); err != nil {
		return nil, err
	}
	return s, nil
}

// load takes in everything from disk and makes the first view, of what was shown
// when the store was written. A head whose objects are not all here, which takes
// a broken store, is fetched again.
func (s *State) load() error {
	for _, load := range []func(*bbolt.Tx) error{s.objects.load, s.Authors.load, s.claims.load} {
		if err := s.store.Read(load); err != nil {
			return err
		}
	}
	for _, a := range s.Authors.authors {
		if a.shown != nil {
			s.objects.ref(a.shown.Root)
		}
	}
	s.objects.run()
	wanted, lost := make(map[*author]*catalog.Head), []*catalog.Head{}
	for _, a := range s.Authors.authors {
		if a.want != nil {
			wanted[a], a.want = a.want, nil
		}
		switch {
		case a.shown == nil:
		case s.objects.nodes[a.shown.Root].complete:
			s.ranking.place(a)
		default:
			lost = append(lost, a.shown)
			if wanted[a] == nil {
				wanted[a] = a.shown
			}
			a.shown = nil
		}
	}
	for a, h := range wanted {
		s.wants.set(a, h)
	}
	for _, h := range lost {
		s.objects.unref(h.Root)
	}
	s.advance()
	return nil
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
func (s *State) Apply(h catalog.Head, told catalog.Told, now time.Time) (Result, error) {
	r := s.Authors
	r.tell(now)
	a := r.authors[h.Key]
	if a != nil && !a.newer(h.Seq, r.clock.elapsed) {
		r.Hearsay(h.Key, h.Seq, told)
		return Stale, nil
	}
	if err := h.Admit(s.salt); err != nil {
		return Stale, err
	}
	if s.self != nil && h.Key == s.self.Key() {
		return s.overtaken(h), nil
	}
	if a == nil {
		a = r.author(h.Key)
		a.last = r.clock.elapsed - max(told.Age, 0)
	}
	fresh := a.sighting
	if h.Seq > a.seq {
		fresh.newHead(r.clock.elapsed, told.Age, a.present > 0)
	} else {
		fresh.hearsay(r.clock.elapsed, told.Age)
	}
	if (&author{sighting: fresh, present: a.present}).dead(&h, r.clock.elapsed, now) || !r.admit(a, told) {
		return Stale, nil
	}
	a.sighting = fresh
	a.seq, a.bad, a.seen = h.Seq, false, now
	s.wants.set(a, &h)
	s.advance()
	r.save(a)
	if r.newcomers > s.objects.limits.Absent/100 || s.objects.held > s.objects.limits.Drive {
		s.makeRoom()
	}
	return Accepted, nil
}

// overtaken notes a head of our own key that is newer than ours.
func (s *State) overtaken(h catalog.Head) Result {
	a := s.ourselves()
	s.Authors.settleIn(a, netip.Prefix{}, came)
	a.seq = h.Seq
	s.Authors.save(a)
	return Overtaken
}

// ourselves returns the author that we are.
func (s *State) ourselves() *author {
	a := s.Authors.authors[s.self.Key()]
	if a == nil {
		a = s.Authors.author(s.self.Key())
		s.Authors.enter(a)
	}
	return a
}

// View returns the namespace as it is now.
func (s *State) View() *union.View { return s.ranking.now(s.claims.log) }

// Tellable returns the authors of whom a newer head can be passed on than when
// it was last called.
func (s *State) Tellable() []catalog.Key {
	list := s.ranking.tellable
	s.ranking.tellable = nil
	return list
}

// show makes the wanted head the shown one. Who was away has all his names
// since now.
func (s *State) show(a *author) {
	before := a.shown
	a.shown, a.want = a.want, nil
	if before == nil {
		s.claims.renew(a)
	}
	s.Authors.save(a)
	s.ranking.tellable = append(s.ranking.tellable, a.key)
	s.ranking.place(a)
	if before != nil {
		s.objects.unref(before.Root)
	}
}
