package catalog

import (
	"hash/maphash"
	"slices"
)

// settler finds out which names a change of one member's tree would take from
// others, and claims them for those who had them.
type settler struct {
	old, new *View // new's claims are an edit
	key      Key   // of the member whose tree changed
}

// root settles the root directory; before and after are that of the member who
// changed, zero if he has none. names counts who else has a name there: that
// may be thousands, of whom none is looked at without need.
func (t *settler) root(names *rootNames, before, after Hash) error {
	return t.new.store.diff(before, after, func(x, y *item) error {
		it := y
		if y == nil {
			it = x
		}
		others := names.count(it.name)
		if y == nil {
			names.add(it.name, -1)
			others--
		} else if x == nil {
			names.add(it.name, 1)
		} else {
			others--
		}
		switch {
		case !t.new.mayBeBare(it.name, 0):
			return nil
		case others > 0:
			return t.name(t.old.root(), t.new.root(), x, y, it.name)
		}
		t.unclaim(place{}, it.name)
		return nil
	})
}

// dir settles a directory below the root.
func (t *settler) dir(was, is place, before, after Hash) error {
	var others []*seeker
	for _, p := range is.parts {
		if p.who.key != t.key {
			others = append(others, &seeker{store: t.new.store, root: p.root})
		}
	}
	if len(others) == 0 && t.new.claims.none() {
		return nil
	}
	return t.new.store.diff(before, after, func(x, y *item) error {
		it := y
		if y == nil {
			it = x
		}
		if !t.new.mayBeBare(it.name, is.depth) {
			return nil
		}
		for _, o := range others {
			found, err := o.find(it.name)
			if err != nil {
				return err
			}
			if found != nil {
				return t.name(was, is, x, y, it.name)
			}
		}
		t.unclaim(is, it.name)
		return nil
	})
}

// unclaim drops the claim on a name that at most one member has.
func (t *settler) unclaim(at place, name string) {
	if t.new.claims.none() {
		return
	}
	if path := join(at.path, name); t.new.claims.get(claimKeyOf(path)) != (Key{}) {
		t.new.claims.set(path, Key{})
	}
}

func (t *settler) name(was, is place, x, y *item, name string) error {
	old, err := t.old.gather(was, name)
	if err != nil {
		return err
	}
	now, err := t.new.gather(is, name)
	if err != nil {
		return err
	}
	if len(now) < 2 {
		t.unclaim(is, name)
		return nil
	}
	t.old.claims.promote(was.path, name, old)
	t.new.claims.promote(is.path, name, now)
	if len(old) > 0 {
		t.keep(join(is.path, name), old[0].who, now)
	}
	if y == nil || y.kind != KindDir {
		return nil
	}
	var before Hash
	if x != nil && x.kind == KindDir {
		before = x.root
	}
	return t.dir(was.belowAll(name, old), is.belowAll(name, now), before, y.root)
}

// keep claims a name for who had it before, if another would get it now.
func (t *settler) keep(path string, had *who, now []source) {
	if now[0].who.key == had.key {
		return
	}
	for _, src := range now {
		if src.who.key == had.key && src.who.class == now[0].who.class {
			t.new.claims.set(path, had.key)
			return
		}
	}
}

// belowAll returns the place of all directories of that name.
func (p place) belowAll(name string, group []source) place {
	down := place{path: join(p.path, name), depth: p.depth + 1}
	for _, src := range group {
		if src.item.kind == KindDir {
			down.parts = append(down.parts, part{src.who, src.item.root})
		}
	}
	return down
}

// changeView makes the view in which an author's tree is his shown head's; in
// the last one it was before's. Either may be nil.
func (s *State) changeView(a *author, before *Head) {
	a.who = s.whoOf(a)
	old := s.view
	s.view = old.with(a)
	var was, is Hash
	if before != nil {
		was = before.Root
	}
	if a.shown != nil {
		is = a.shown.Root
	}
	edit := s.claims.edit()
	s.view.claims = edit
	t := settler{old, s.view, a.key}
	err := s.countRoots(old)
	if err == nil {
		err = t.root(s.rootNames, was, is)
	}
	if err != nil {
		s.log.Error("catalogue store cannot be read", "err", err)
		s.rootNames = nil // to be counted anew
	}
	s.saveClaims(edit)
	s.claims = edit.freeze(s.claims)
	s.view.claims = s.claims
}

func (s *State) saveClaims(edit *claims) {
	room := maxClaims - len(edit.base) - len(edit.delta)
	s.store.put(func(b *batch) {
		for k, holder := range edit.edits {
			switch {
			case holder == (Key{}):
				b.claims[k] = nil
			case room <= 0:
				delete(edit.edits, k)
			default:
				room--
				b.claims[k] = holder[:]
			}
		}
	})
}

// whoOf returns how a's names are shown: the same pointer while nothing
// changes.
func (s *State) whoOf(a *author) *who {
	if a.shown == nil {
		return a.who
	}
	w := who{key: a.key, name: a.shown.Name, class: 2, order: a.order}
	switch {
	case s.isSelf(a):
		w.class = 0
	case s.trusted[a.key]:
		w.class = 1
	}
	if a.who != nil && a.who.name == w.name && a.who.order == w.order {
		return a.who
	}
	w.alone = []Key{a.key}
	return &w
}

// with returns the view that differs from v by one author. Its claims are still
// v's.
func (v *View) with(a *author) *View {
	members := make([]*member, 0, len(v.members)+1)
	for _, m := range v.members {
		if m.who.key != a.key {
			members = append(members, m)
		}
	}
	if a.shown != nil {
		m := &member{a.who, a.summary(), a.shown.Seq}
		i, _ := slices.BinarySearchFunc(members, m, func(x, y *member) int { return x.who.before(y.who) })
		members = slices.Insert(members, i, m)
	}
	return &View{store: v.store, dirs: v.dirs, claims: v.claims, members: members}
}

// rootNames counts how many authors have a name in their root directory. Names
// stand in it as hashes: two may be taken for one, which costs a look.
type rootNames struct {
	seed   maphash.Seed
	counts map[uint64]int32
}

func (r *rootNames) count(name string) int { return int(r.counts[maphash.String(r.seed, name)]) }

func (r *rootNames) add(name string, n int32) {
	h := maphash.String(r.seed, name)
	if r.counts[h] += n; r.counts[h] == 0 {
		delete(r.counts, h)
	}
}

// countRoots makes rootNames of a view, if that is still to be done.
func (s *State) countRoots(v *View) error {
	if s.rootNames != nil {
		return nil
	}
	r := &rootNames{maphash.MakeSeed(), make(map[uint64]int32)}
	for _, m := range v.members {
		err := s.store.each(m.summary.Root, func(it *item) error {
			r.add(it.name, 1)
			return nil
		})
		if err != nil {
			return err
		}
	}
	s.rootNames = r
	return nil
}
