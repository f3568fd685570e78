package catalog

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
)

// claimKey stands for a path: a part of its SHA-256, which is shorter than
// most and of one length.
type claimKey [16]byte

func claimKeyOf(path string) claimKey {
	h := sha256.Sum256([]byte(path))
	return claimKey(h[:])
}

// maxClaims bounds how many are kept.
const maxClaims = 1 << 20

// claims tells who had a path first where that is not who was shown first of
// all. A claim holds for everything under its path where none deeper says
// otherwise, and among members of one class only. Frozen ones are immutable;
// edit makes one that may be changed, by one goroutine, until it is frozen.
type claims struct {
	base  map[claimKey]Key
	delta map[claimKey]Key // changes of base; the zero Key: dropped
	edits map[claimKey]Key // changes of delta; nil when frozen
}

func newClaims() *claims { return &claims{base: make(map[claimKey]Key)} }

func (c *claims) edit() *claims {
	return &claims{base: c.base, delta: c.delta, edits: make(map[claimKey]Key)}
}

// set changes a claim; the zero Key drops it.
func (c *claims) set(k claimKey, holder Key) {
	if c.edits == nil { // while the store is read
		c.base[k] = holder
		return
	}
	c.edits[k] = holder
}

// get returns the claim on exactly that path, or the zero Key.
func (c *claims) get(k claimKey) Key {
	if holder, ok := c.edits[k]; ok {
		return holder
	}
	if holder, ok := c.delta[k]; ok {
		return holder
	}
	return c.base[k]
}

func (c *claims) none() bool { return len(c.base)+len(c.delta)+len(c.edits) == 0 }

// freeze returns claims with the edits in them: was itself if there are none.
func (c *claims) freeze(was *claims) *claims {
	if len(c.edits) == 0 {
		return was
	}
	f := &claims{base: c.base, delta: make(map[claimKey]Key, len(c.delta)+len(c.edits))}
	maps.Copy(f.delta, c.delta)
	maps.Copy(f.delta, c.edits)
	if len(f.delta) < 64+len(f.base)/8 {
		return f
	}
	f.base = maps.Clone(f.base)
	for k, holder := range f.delta {
		if holder == (Key{}) {
			delete(f.base, k)
		} else {
			f.base[k] = holder
		}
	}
	f.delta = nil
	return f
}

// promote moves the source that holds a claim on dir/name to the front of
// group, if it is of the same class as what stands there.
func (c *claims) promote(dir, name string, group []source) {
	if c.none() {
		return
	}
	for path := join(dir, name); path != ""; path = path[:max(strings.LastIndexByte(path, '/'), 0)] {
		holder := c.get(claimKeyOf(path))
		if holder == (Key{}) {
			continue
		}
		for i, src := range group {
			if src.who.class != group[0].who.class {
				break
			}
			if src.who.key == holder {
				copy(group[1:i+1], group[:i])
				group[0] = src
				return
			}
		}
	}
}

// settler finds out which names a change of one member's tree would take from
// others, and claims them for those who had them.
type settler struct {
	old, new *View // new's claims are an edit
	key      Key   // of the member whose tree changed
}

// dir settles the directory at a path; before and after are that of the member
// who changed, zero if he has none.
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
			if found, err := o.find(it.name); found != nil || err != nil {
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
	if key := claimKeyOf(join(at.path, name)); t.new.claims.get(key) != (Key{}) {
		t.new.claims.set(key, Key{})
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
		t.keep(claimKeyOf(join(is.path, name)), old[0].who, now)
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
func (t *settler) keep(key claimKey, had *who, now []source) {
	if now[0].who.key == had.key {
		return
	}
	for _, src := range now {
		if src.who.key == had.key && src.who.class == now[0].who.class {
			t.new.claims.set(key, had.key)
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
	s.view = s.viewNow()
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
	if err := t.dir(old.root(), s.view.root(), was, is); err != nil {
		s.log.Error("catalogue store cannot be read", "err", err)
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

// viewNow returns the view of all shown heads. Its claims are the last ones.
func (s *State) viewNow() *View {
	v := &View{store: s.store, dirs: s.view.dirs, claims: s.claims}
	for _, a := range s.authors {
		if a.shown != nil {
			v.members = append(v.members, member{a.who, a.shown.Summary, a.shown.Seq})
		}
	}
	slices.SortFunc(v.members, func(x, y member) int { return x.who.before(y.who) })
	return v
}
