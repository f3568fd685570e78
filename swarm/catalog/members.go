package catalog

import "slices"

// place makes an author's shown head, and how names show him, part of the next
// view, or takes him out where he has none.
func (s *State) place(a *author) {
	if a.who != nil {
		i, ok := slices.BinarySearchFunc(s.members, a.who, func(m *member, w *who) int { return m.who.before(w) })
		if ok {
			s.members = slices.Delete(s.members, i, i+1)
		}
	}
	s.changed = true
	if a.shown == nil {
		return
	}
	a.who = s.whoOf(a)
	m := &member{a.who, a.claims, a.summary(), a.shown.Seq}
	i, _ := slices.BinarySearchFunc(s.members, a.who, func(m *member, w *who) int { return m.who.before(w) })
	s.members = slices.Insert(s.members, i, m)
}

// whoOf returns how a's names are shown: the same pointer while nothing
// changes.
func (s *State) whoOf(a *author) *who {
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

// View returns the namespace as it is now.
func (s *State) View() *View {
	if s.changed {
		s.changed = false
		s.view = &View{store: s.store, dirs: s.view.dirs, members: slices.Clone(s.members), claimLog: s.claimLog}
	}
	return s.view
}
