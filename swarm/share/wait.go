package share

import (
	"context"
	"slices"
	"time"
)

// settler takes files from found to published. Owned by loop.
type settler struct {
	s      *Share
	ctx    context.Context // ends with the loop
	ledger *ledger
	agenda *agenda

	dues    dues              // what is to be looked at again
	heats   map[string]heat   // by path
	orphans map[*job]struct{} // jobs that nobody waits for
	trouble map[string]string // by path: what was logged last
	waiting int               // nodes with a wait
	hashed  int               // files read
}

func newSettler(ctx context.Context, s *Share, l *ledger, a *agenda) *settler {
	return &settler{
		s: s, ctx: ctx, ledger: l, agenda: a,
		heats: map[string]heat{}, orphans: map[*job]struct{}{}, trouble: map[string]string{},
	}
}

// begin makes a file wait that is new or has changed.
func (st *settler) begin(n *node) {
	st.endWait(n)
	n.wait = &wait{n: n, index: -1, since: time.Now()}
	st.waiting++
}

// forget takes a file out that is no more.
func (st *settler) forget(n *node) {
	st.ledger.put(n, nil)
	st.endWait(n)
	delete(st.trouble, n.path())
}

// endWait ends what n waits for.
func (st *settler) endWait(n *node) {
	w := n.wait
	if w == nil {
		return
	}
	st.dues.unset(w)
	st.leaveJob(w)
	n.wait = nil
	st.waiting--
}

func (st *settler) leaveJob(w *wait) {
	j := w.job
	if j == nil {
		return
	}
	w.job = nil
	if i := slices.Index(j.nodes, w.n); i >= 0 {
		j.nodes = slices.Delete(j.nodes, i, i+1)
	}
	if len(j.nodes) == 0 {
		st.orphans[j] = struct{}{}
	}
}

// reap ends jobs that nobody waits for, once all that has happened is known:
// a file that was renamed while it is hashed comes back under its new name.
func (st *settler) reap() {
	for j := range st.orphans {
		if len(j.nodes) == 0 {
			st.s.hashers.drop(j)
		}
	}
	clear(st.orphans)
}

// ask looks again, at once, at a file that something happened to though
// nothing is different: its writer may have closed it.
func (st *settler) ask(n *node) {
	switch w := n.wait; {
	case w == nil:
	case w.job != nil:
		w.asked = true // the job may have asked before it happened
	case w.stale < 3:
		w.tries = 0
		st.settleLater(w, time.Now())
	}
}

// recall publishes what has been hashed before, and sends the rest to be
// settled.
func (st *settler) recall(nodes []*node) {
	if len(nodes) == 0 {
		return
	}
	files := make([]meta, len(nodes))
	for i, n := range nodes {
		files[i] = n.meta
	}
	found := make([]summary, len(nodes))
	st.s.store.lookup(files, func(i int, sum summary) { found[i] = sum })
	now := time.Now()
	for i, n := range nodes {
		if n.wait == nil || n.meta.ident != files[i].ident {
			continue
		}
		if found[i] == (summary{}) || !st.publishFile(n, found[i], nil) {
			st.settleLater(n.wait, now)
		}
	}
}

// settleLater has a file settled and hashed as soon as it may be.
func (st *settler) settleLater(w *wait, now time.Time) {
	n := w.n
	if j := st.s.hashers.jobs[n.meta.ident]; j != nil { // under another name
		st.join(w, j)
		return
	}
	at := now
	if young := youngUntil(max(n.meta.ctime, n.meta.mtime), now, st.s.timing.young); young.After(at) {
		at = young
	}
	if h, hot := st.heats[n.path()]; hot && h.next().After(at) {
		at = h.next()
	}
	st.dues.set(w, at)
}

func (st *settler) join(w *wait, j *job) {
	st.dues.unset(w)
	w.job = j
	j.nodes = append(j.nodes, w.n)
}

// settleDue starts the jobs whose time has come, some at a time.
func (st *settler) settleDue(now time.Time) (more bool) {
	for range 64 {
		w := st.dues.pop(now)
		if w == nil {
			return more
		}
		more = true
		if j := st.s.hashers.jobs[w.n.meta.ident]; j != nil {
			st.join(w, j)
			continue
		}
		j := &job{id: w.n.meta.ident, path: w.n.path(), still: st.stoodStill(w, now)}
		st.join(w, j)
		st.s.hashers.queue(j)
	}
	return more
}

// stoodStill reports whether a file may be taken for finished where leases do
// not tell.
func (st *settler) stoodStill(w *wait, now time.Time) bool {
	latest := time.Unix(0, max(w.n.meta.mtime, w.n.meta.ctime))
	return now.Sub(w.since) >= st.s.timing.still || now.Sub(latest) > st.s.timing.old
}

// coolDown forgets the heat of paths that have been quiet.
func (st *settler) coolDown(now time.Time) {
	for p, h := range st.heats {
		if now.Sub(h.last) > h.quiet() {
			delete(st.heats, p)
		}
	}
	if len(st.heats) == 0 {
		st.heats = map[string]heat{}
	}
}
