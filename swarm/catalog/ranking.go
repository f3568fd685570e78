package catalog

import "slices"

// ranking is the members whom views show, by rank.
type ranking struct {
	members  []*member
	changed  bool // since view was made
	view     *View
	tellable []Key // members with a head that could not be passed on before
}

func newRanking(store *Store) *ranking {
	return &ranking{view: NewView(store)}
}

// place makes an author's shown head, and how names show him, part of the next
// view, or takes him out where he has none.
func (r *ranking) place(a *author) {
	if a.who != nil {
		if i, ok := r.find(a.who); ok {
			r.members = slices.Delete(r.members, i, i+1)
		}
	}
	r.changed = true
	if a.shown == nil {
		return
	}
	a.who = whoOf(a)
	i, _ := r.find(a.who)
	r.members = slices.Insert(r.members, i, &member{who: a.who, claims: a.claims, summary: a.summary(), seq: a.shown.Seq})
}

func (r *ranking) find(w *who) (int, bool) {
	return slices.BinarySearchFunc(r.members, w, func(m *member, w *who) int { return m.who.before(w) })
}

// whoOf returns how a's names are shown: the same pointer while nothing
// changes.
func whoOf(a *author) *who {
	w := who{key: a.key, name: a.shown.Name, class: 2, order: a.order}
	switch a.rank {
	case myself:
		w.class = 0
	case friend:
		w.class = 1
	}
	if a.who != nil && a.who.name == w.name && a.who.order == w.order {
		return a.who
	}
	w.alone = []Key{a.key}
	return &w
}

// now returns the view of now.
func (r *ranking) now(log claimLog) *View {
	if r.changed {
		r.changed = false
		r.view = r.view.next(slices.Clone(r.members), log)
	}
	return r.view
}
