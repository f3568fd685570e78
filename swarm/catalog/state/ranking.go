package state

import (
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/catalog/union"
	"slices"
)

// ranking is the members whom views show, by rank.
type ranking struct {
	members  []*union.Ranked
	changed  bool // since view was made
	view     *union.View
	tellable []catalog.Key // members with a head that could not be passed on before
}

func newRanking(store *store.Store) *ranking {
	return &ranking{view: union.New(store)}
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
	r.members = slices.Insert(r.members, i, &union.Ranked{Who: a.who, Claims: a.claims, Summary: a.summary(), Seq: a.shown.Seq})
}

func (r *ranking) find(w *union.Who) (int, bool) {
	return slices.BinarySearchFunc(r.members, w, func(m *union.Ranked, w *union.Who) int { return m.Who.Before(w) })
}

// whoOf returns how a's names are shown: the same pointer while nothing
// changes.
func whoOf(a *author) *union.Who {
	w := union.Who{Key: a.key, Name: a.shown.Name, Class: 2, Order: a.order}
	switch a.rank {
	case myself:
		w.Class = 0
	case friend:
		w.Class = 1
	}
	if a.who != nil && a.who.Name == w.Name && a.who.Order == w.Order {
		return a.who
	}
	w.Alone = []catalog.Key{a.key}
	return &w
}

// now returns the view of now.
func (r *ranking) now(log union.ClaimLog) *union.View {
	if r.changed {
		r.changed = false
		r.view = r.view.Next(slices.Clone(r.members), log)
	}
	return r.view
}
