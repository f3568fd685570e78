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

// Without returns v without the members of whom hidden holds, given their key
// and the sequence number of the head that is shown; v itself if it holds of
// none. What is left has its bare names as if the others had never been.
func (v *View) Without(hidden func(k Key, seq int64) bool) *View {
	n := 0
	for _, m := range v.members {
		if hidden(m.who.key, m.seq) {
			n++
		}
	}
	if n == 0 {
		return v
	}
	members := make([]*member, 0, len(v.members)-n)
	for _, m := range v.members {
		if !hidden(m.who.key, m.seq) {
			members = append(members, m)
		}
	}
	return &View{store: v.store, members: members, dirs: v.dirs, claimLog: v.claimLog, exact: v.exact}
}

// Shares reports whether a member's catalogue names anything at all.
func (m *Member) Shares() bool { return m.Files > 0 && m.Root != emptyHash }
