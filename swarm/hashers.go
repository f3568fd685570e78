package swarm

import (
	"runtime"
	"sync"
	"time"

	"p2pfs/swarm/assembly"
	"p2pfs/swarm/metainfo"
)

// hashers bounds what all torrents hash at once.
type hashers struct {
	cores     chan struct{} // room for one a core
	forOthers chan struct{} // room for one that hashes for others
	answering *answering
}

func newHashers() hashers {
	return hashers{make(chan struct{}, runtime.GOMAXPROCS(0)), make(chan struct{}, 1), newAnswering()}
}

// work runs f, when it is among as many as there are cores. It blocks until then.
func (h *hashers) work(f func()) {
	h.cores <- struct{}{}
	defer func() { <-h.cores }()
	f()
}

// forPeer runs f, which hashes for a peer, one at a time of all torrents, unless done
// is closed before: verifying what we fetch does not wait for it.
func (h *hashers) forPeer(done <-chan struct{}, f func()) {
	select {
	case h.forOthers <- struct{}{}:
	case <-done:
		return
	}
	defer func() { <-h.forOthers }()
	f()
}

// hashQueue is the pieces that have come whole and wait to be hashed. Two of
// version 1 are hashed in little more than the time of one. So a piece waits
// for a second one while another is being hashed; and where pieces come fast
// and nobody waits for this one, for up to hashPatience.
//
// The loop adds to it and workers take from it, at moments that the loop does
// not know: hence the mutex, held for a few instructions.
type hashQueue struct {
	mu      sync.Mutex
	waiting []queued  // guarded by mu
	started int       // workers that have not taken any yet; guarded by mu
	hashing int       // workers that have; guarded by mu
	last    time.Time // when the last was added; owned by the loop
}

// queued is a piece that waits to be hashed.
type queued struct {
	*assembly.Job
	patient bool // can wait for another piece to be hashed with
}

// hashPatience is how long a piece waits for a second one: at the rates where
// hashing matters many come in that time.
const hashPatience = 20 * time.Millisecond

// add reports whether a worker is to be started.
func (q *hashQueue) add(e queued, info *metainfo.Info) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, e)
	return q.due(info)
}

// hurry ends the patience of a piece. It reports whether a worker is to be
// started.
func (q *hashQueue) hurry(piece int, info *metainfo.Info) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.waiting {
		if q.waiting[i].Piece == piece {
			q.waiting[i].patient = false
		}
	}
	return q.due(info)
}

// due reports whether one more worker is to be started, which the caller then
// does; mu is held.
func (q *hashQueue) due(info *metainfo.Info) bool {
	each := 2
	if info.V2 {
		each = 1
	}
	free := len(q.waiting) - each*q.started // the others will be taken
	alone := free == 1 && q.started+q.hashing == 0 && !q.waiting[0].patient
	if free < each && !alone {
		return false
	}
	q.started++
	return true
}

// take is for a worker that was started. It returns the piece that has waited
// longest; with it the next, if it waits too and both can be hashed together.
// Done is to be called when they are hashed.
func (q *hashQueue) take(info *metainfo.Info) (jobs []*assembly.Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), 1)
	if w := q.waiting; len(w) > 1 && !info.V2 && info.Pieces.Size(w[0].Piece) == info.Pieces.Size(w[1].Piece) {
		n = 2
	}
	for _, e := range q.waiting[:n] {
		jobs = append(jobs, e.Job)
	}
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil
	}
	q.started--
	q.hashing++
	return jobs
}

// done reports whether a worker is to be started.
func (q *hashQueue) done(info *metainfo.Info) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hashing--
	return q.due(info)
}

// drop forgets what waits.
func (q *hashQueue) drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.waiting {
		e.Data.Release()
	}
	q.waiting = nil
}

// hurryEvent tells that a piece has waited for another long enough.
type hurryEvent int

func (e hurryEvent) apply(l *loop) { l.verify.hurry(int(e)) }

// start has a worker hash what has waited longest.
func (q *hashQueue) start(t *Torrent, c *content) {
	t.spawn(func() { t.client.hash.work(func() { q.next(t, c) }) })
}

// next hashes what has waited longest, and stores what is good.
func (q *hashQueue) next(t *Torrent, c *content) {
	jobs := q.take(c.info())
	assembly.Verify(jobs, c.info())
	if q.done(c.info()) {
		q.start(t, c)
	}
	for _, e := range report(t, jobs) {
		e.err = c.storage.WritePiece(e.Piece, e.Data.Bytes())
		if !t.post(e) {
			e.discard(t)
		}
	}
}

// report tells the loop what pieces are worth, and returns those that are to be
// stored.
func report(t *Torrent, jobs []*assembly.Job) (good []storedEvent) {
	for _, j := range jobs {
		ok := j.Good() // the loop owns a bad one when it has it
		switch {
		case !t.post(hashedEvent{j}):
			j.Data.Release()
		case ok:
			good = append(good, storedEvent{Job: j})
		}
	}
	return good
}
