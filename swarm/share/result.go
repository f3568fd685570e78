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

// onResult takes a job's end.
func (st *settler) onResult(r result) {
	j := r.job
	st.s.hashers.forget(j)
	if r.hashed {
		st.hashed++
		st.heat(j)
	}
	if r.err == nil && r.h != nil {
		// Kept though nobody may wait for it any more. It is published at
		// once, while its record waits for the file's data to be on disk.
		st.s.store.put(j.id, r.sum, r.h)
	}
	for _, n := range slices.Clone(j.nodes) {
		st.leaveJob(n.wait)
		st.afterJob(n, r)
	}
	delete(st.orphans, j)
}

func (st *settler) heat(j *job) {
	now := time.Now()
	for _, n := range j.nodes {
		st.heats[n.path()] = st.heats[n.path()].up(now)
	}
}

// afterJob says how it goes on with a file whose job has ended.
func (st *settler) afterJob(n *node, r result) {
	now := time.Now()
	w := n.wait
	switch {
	case r.err == nil && r.h == nil: // an empty file
		st.publishFile(n, summary{ctime: n.meta.ctime}, nil)
	case r.err == nil:
		if !st.publishFile(n, r.sum, r.h) {
			st.settleLater(w, now)
		}
	case errors.Is(r.err, errBusy):
		if w.asked {
			w.tries, w.asked = 0, false
		}
		w.tries++
		st.dues.set(w, now.Add(busyDelay(w.tries-1)))
	case errors.Is(r.err, errUnclear):
		st.dues.set(w, later(w.since.Add(st.s.timing.still), now.Add(busyDelay(0))))
	case errors.Is(r.err, errStale), missing(r.err):
		st.dues.set(w, now.Add(busyDelay(w.stale)))
		w.stale++
		st.agenda.mark(n.dir, n.name)
	case errors.Is(r.err, errDropped), st.ctx.Err() != nil:
		st.settleLater(w, now)
	default:
		st.giveUp(n, r.err)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// giveUp leaves a file that cannot be read for later, and says so once.
func (st *settler) giveUp(n *node, err error) {
	st.begin(n)
	again := st.s.timing.again
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		again = time.Second
	}
	if errors.Is(err, fs.ErrPermission) {
		st.ledger.put(n, nil)
	}
	st.dues.set(n.wait, time.Now().Add(again))
	if p := n.path(); st.trouble[p] != err.Error() {
		st.trouble[p] = err.Error()
		st.s.log.Warn("file cannot be shared", "path", p, "err", err)
	}
}

// publishFile publishes a regular file by what is known of its contents. It
// returns false if the hashes turn out to be lost.
func (st *settler) publishFile(n *node, sum summary, h *hashes) bool {
	name, id := path.Base(n.path()), n.meta.ident
	if id.size > 0 && sum.tag != st.s.tag(name, st.s.options(sum.root)) {
		if h == nil {
			h = st.s.store.hashes(id)
		}
		if h == nil || h.root != sum.root {
			return false
		}
		if err := st.s.nameSummary(&sum, name, id.size, h.pieces); err != nil {
			st.giveUp(n, err)
			return true
		}
		st.s.store.put(id, sum, nil)
	}
	e := &entry{id: id, v2: sum.v2, File: File{
		Path: n.path(), Kind: Regular, Size: id.size, MTime: time.Unix(0, id.mtime),
		Exec: executable(n.meta), Root: sum.root, V1: sum.v1,
	}}
	if id.size == 0 {
		e.Root, e.V1 = metainfo.Hash256{}, metainfo.Hash{}
	}
	e.ctime.Store(sum.ctime)
	if id.size > 0 && !st.s.store.trusted(sum) {
		e.ctime.Store(doubted)
	}
	st.endWait(n)
	delete(st.trouble, n.path())
	st.ledger.put(n, e)
	return true
}
