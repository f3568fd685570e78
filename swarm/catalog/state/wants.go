package state

import (
	"log/slog"
	"maps"
	"p2pfs/swarm/catalog"
	"slices"
)

// wants is the heads that are fetched: those that lack objects, and those that
// were found to lack none and are to be shown.
type wants struct {
	pace    *pace
	objects *graph
	roster  *Roster
	log     *slog.Logger

	roots     map[catalog.Hash]map[catalog.Key]struct{} // authors whose wanted head waits for this root
	ready     []ready                                   // that lack nothing
	unweighed int64                                     // bytes put since overweight authors were looked for
	weighing  []catalog.Hash                            // roots to be weighed
	survey    *survey                                   // of the one that is being weighed; nil: none
}

// ready is a head that is to be shown, if its author still wants that.
type ready struct {
	a *author
	h *catalog.Head
}

// set makes h the head that is fetched.
func (w *wants) set(a *author, h *catalog.Head) {
	n := w.objects.ref(h.Root) // first: what the last one lacked as well is kept
	w.drop(a)
	a.want = h
	n.watched = true
	if w.roots[h.Root] == nil {
		w.roots[h.Root] = make(map[catalog.Key]struct{})
	}
	w.roots[h.Root][a.key] = struct{}{}
	if n.complete || n.bad {
		w.objects.decided = append(w.objects.decided, h.Root)
	}
}

// drop gives up the head that is being fetched.
func (w *wants) drop(a *author) {
	if a.want == nil {
		return
	}
	root := a.want.Root
	a.want = nil
	w.unwait(root, a.key)
	w.objects.unref(root)
}

// unwait notes that an author's wanted head does not wait for its root.
func (w *wants) unwait(root catalog.Hash, k catalog.Key) {
	if delete(w.roots[root], k); len(w.roots[root]) == 0 {
		delete(w.roots, root)
	}
}

// reject gives up a head that names no proper catalogue. What was shown of its
// author stays.
func (w *wants) reject(a *author) {
	w.log.Debug("catalogue refused", "member", a.key.Short(), "seq", a.want.Seq)
	a.bad = true
	w.drop(a)
	w.roster.save(a)
}

// missing returns the objects that an author's head is known to need and that are
// not here.
func (w *wants) missing(k catalog.Key) []catalog.Hash {
	a := w.roster.authors[k]
	if a == nil || a.want == nil {
		return nil
	}
	return w.objects.missing(a.want.Root, w.pace.left > 0)
}

// authors returns those whose head lacks objects.
func (w *wants) authors() (keys []catalog.Key) {
	for _, waiting := range w.roots {
		keys = slices.AppendSeq(keys, maps.Keys(waiting))
	}
	return keys
}

// decide finds out what becomes of one head whose root is complete or bad. One
// that is more than an author may have is rejected. False if there is none.
func (w *wants) decide() bool {
	g := w.objects
	if len(g.decided) == 0 {
		return false
	}
	w.pace.spend(1)
	h := g.decided[len(g.decided)-1]
	n := g.nodes[h]
	for k := range w.roots[h] {
		a := w.roster.authors[k]
		switch {
		case n.bad, n.complete && !g.fits(n):
			w.reject(a)
			return true
		case n.complete:
			w.unwait(h, k)
			w.ready = append(w.ready, ready{a, a.want})
			return true
		}
	}
	g.decided = g.decided[:len(g.decided)-1]
	return true
}

// weighEvery is how many bytes come between two looks for authors that have
// more than they may.
const weighEvery = 8 << 20

// came notes that an object came. Of heads of which more has come than an author
// may have, those are given up that are not looked at already.
func (w *wants) came(bytes int64) {
	if w.unweighed += bytes; w.unweighed > weighEvery {
		w.unweighed = 0
		if len(w.weighing) == 0 {
			w.weighing = slices.Collect(maps.Keys(w.roots))
		}
	}
}

// weigh goes on with that. False if there is nothing to be weighed.
func (w *wants) weigh() bool {
	if w.survey == nil {
		if len(w.weighing) == 0 {
			return false
		}
		w.survey = newSurvey(w.weighing[len(w.weighing)-1])
		cutLast(&w.weighing)
	}
	v := w.survey
	most := w.objects.limits.Author
	if v.step(w.objects) && v.weight <= most {
		return true
	}
	w.survey = nil
	if v.weight > most {
		for k := range maps.Clone(w.roots[v.root]) {
			w.pace.spend(1)
			w.reject(w.roster.authors[k])
		}
	}
	return true
}

// busy reports whether there is work left.
func (w *wants) busy() bool {
	return len(w.objects.decided)+len(w.ready)+len(w.weighing) > 0 || w.survey != nil
}
