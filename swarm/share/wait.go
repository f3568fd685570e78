package share

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"syscall"
	"time"

	"p2pfs/swarm/metainfo"
)

// endWait ends what n waits for.
func (l *loop) endWait(n *node) {
	w := n.wait
	if w == nil {
		return
	}
	l.dues.unset(w)
	l.leaveJob(w)
	n.wait = nil
	l.waiting--
}

func (l *loop) leaveJob(w *wait) {
	j := w.job
	if j == nil {
		return
	}
	w.job = nil
	if i := slices.Index(j.nodes, w.n); i >= 0 {
		j.nodes = slices.Delete(j.nodes, i, i+1)
	}
	if len(j.nodes) == 0 {
		l.orphans[j] = struct{}{}
	}
}

// reap ends jobs that nobody waits for, once all that has happened is known:
// a file that was renamed while it is hashed comes back under its new name.
func (l *loop) reap() {
	for j := range l.orphans {
		if len(j.nodes) == 0 {
			l.s.hashers.drop(j)
		}
	}
	clear(l.orphans)
}

// ask looks again, at once, at a file that something happened to though
// nothing is different: its writer may have closed it.
func (l *loop) ask(n *node) {
	if l.how == byEvent && n.wait != nil && n.wait.job == nil && n.wait.stale < 3 {
		n.wait.tries = 0
		l.settleLater(n.wait, time.Now())
	}
}

// recall publishes what has been hashed before, and sends the rest to be
// settled.
func (l *loop) recall(nodes []*node) {
	if len(nodes) == 0 {
		return
	}
	files := make([]meta, len(nodes))
	for i, n := range nodes {
		files[i] = n.meta
	}
	found := make([]summary, len(nodes))
	l.s.store.lookup(files, func(i int, sum summary) { found[i] = sum })
	now := time.Now()
	for i, n := range nodes {
		if n.wait == nil || n.meta.ident != files[i].ident {
			continue
		}
		if found[i] == (summary{}) || !l.publishFile(n, found[i], nil) {
			l.settleLater(n.wait, now)
		}
	}
}

// settleLater has a file settled and hashed as soon as it may be.
func (l *loop) settleLater(w *wait, now time.Time) {
	n := w.n
	if j := l.s.hashers.jobs[n.meta.ident]; j != nil { // under another name
		l.join(w, j)
		return
	}
	at := now
	if young := youngUntil(max(n.meta.ctime, n.meta.mtime), now, l.s.timing.young); young.After(at) {
		at = young
	}
	if h, hot := l.heats[n.path()]; hot && h.next().After(at) {
		at = h.next()
	}
	l.dues.set(w, at)
}

func (l *loop) join(w *wait, j *job) {
	l.dues.unset(w)
	w.job = j
	j.nodes = append(j.nodes, w.n)
}

// settleDue starts the jobs whose time has come, some at a time.
func (l *loop) settleDue(now time.Time) (more bool) {
	for range 64 {
		w := l.dues.pop(now)
		if w == nil {
			return more
		}
		more = true
		if j := l.s.hashers.jobs[w.n.meta.ident]; j != nil {
			l.join(w, j)
			continue
		}
		j := &job{id: w.n.meta.ident, path: w.n.path(), still: l.stoodStill(w, now)}
		l.join(w, j)
		l.s.hashers.queue(j)
	}
	return more
}

// stoodStill reports whether a file may be taken for finished where leases do
// not tell.
func (l *loop) stoodStill(w *wait, now time.Time) bool {
	latest := time.Unix(0, max(w.n.meta.mtime, w.n.meta.ctime))
	return now.Sub(w.since) >= l.s.timing.still || now.Sub(latest) > l.s.timing.old
}

// onResult takes a job's end.
func (l *loop) onResult(r result) {
	j := r.job
	l.s.hashers.forget(j)
	if r.hashed {
		l.hashed++
		l.bytes += j.done.Load()
		l.heat(j)
	}
	if r.err == nil && r.h != nil {
		// Kept though nobody may wait for it any more.
		seq := l.s.store.put(j.id, r.sum, r.h)
		l.unsaved = append(l.unsaved, saving{r, seq, time.Now()})
		return
	}
	for _, n := range slices.Clone(j.nodes) {
		l.leaveJob(n.wait)
		l.afterJob(n, r)
	}
	delete(l.orphans, j)
}

func (l *loop) heat(j *job) {
	now := time.Now()
	for _, n := range j.nodes {
		l.heats[n.path()] = l.heats[n.path()].up(now)
	}
}

// afterJob says how it goes on with a file whose job did not end in hashes.
func (l *loop) afterJob(n *node, r result) {
	now := time.Now()
	w := n.wait
	switch {
	case r.err == nil: // an empty file
		l.publishFile(n, summary{ctime: n.meta.ctime}, nil)
	case errors.Is(r.err, errBusy):
		w.tries++
		l.dues.set(w, now.Add(busyDelay(w.tries-1)))
	case errors.Is(r.err, errUnclear):
		l.dues.set(w, later(w.since.Add(l.s.timing.still), now.Add(busyDelay(0))))
	case errors.Is(r.err, errStale), missing(r.err):
		l.dues.set(w, now.Add(busyDelay(w.stale)))
		w.stale++
		l.markDirty(n.dir, n.name)
	case errors.Is(r.err, errDropped), l.ctx.Err() != nil:
		l.settleLater(w, now)
	default:
		l.giveUp(n, r.err)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// giveUp leaves a file that cannot be read for later, and says so once.
func (l *loop) giveUp(n *node, err error) {
	l.endWait(n)
	n.wait = &wait{n: n, index: -1, since: time.Now()}
	l.waiting++
	again := l.s.timing.again
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		again = time.Second
	}
	if errors.Is(err, fs.ErrPermission) {
		l.setPub(n, nil)
	}
	l.dues.set(n.wait, time.Now().Add(again))
	if p := n.path(); l.trouble[p] != err.Error() {
		l.trouble[p] = err.Error()
		l.s.log.Warn("file cannot be shared", "path", p, "err", err)
	}
}

// release publishes results that are on disk, so that none is lost that
// others have seen; or whose time on the way there is up.
func (l *loop) release() {
	now := time.Now()
	for len(l.unsaved) > 0 {
		s := l.unsaved[0]
		if s.seq > l.s.store.saved.Load() && now.Sub(s.at) < l.s.timing.patience {
			return
		}
		l.unsaved = l.unsaved[1:]
		for _, n := range slices.Clone(s.job.nodes) {
			l.leaveJob(n.wait)
			if !l.publishFile(n, s.sum, s.h) {
				l.settleLater(n.wait, now)
			}
		}
		delete(l.orphans, s.job)
	}
}

// publishFile publishes a regular file by what is known of its contents. It
// returns false if the hashes turn out to be lost.
func (l *loop) publishFile(n *node, sum summary, h *hashes) bool {
	name, id := path.Base(n.path()), n.meta.ident
	if id.size > 0 && sum.tag != l.s.tag(name, l.s.options(sum.root)) {
		if h == nil {
			h = l.s.store.hashes(id)
		}
		if h == nil {
			return false
		}
		if err := l.s.nameSummary(&sum, name, id.size, h.pieces); err != nil {
			l.giveUp(n, err)
			return true
		}
		l.s.store.put(id, sum, nil)
	}
	e := &entry{id: id, v2: sum.v2, File: File{
		Path: n.path(), Kind: Regular, Size: id.size, MTime: time.Unix(0, id.mtime),
		Exec: executable(n.meta), Root: sum.root, V1: sum.v1,
	}}
	if id.size == 0 {
		e.Root, e.V1 = metainfo.Hash256{}, metainfo.Hash{}
	}
	e.ctime.Store(sum.ctime)
	l.endWait(n)
	delete(l.trouble, n.path())
	l.setPub(n, e)
	return true
}
