package swarm

import (
	"crypto/sha256"
	"sync"
	"time"

	"p2pfs/swarm/metainfo"
)

// hashQueue is the pieces that have come whole and wait to be hashed. Two of
// version 1 are hashed in little more than the time of one. So a piece waits
// for a second one while another is being hashed; and where pieces come fast
// and nobody waits for this one, for up to hashPatience.
//
// The loop adds to it and workers take from it, at moments that the loop does
// not know: hence the mutex, held for a few instructions.
type hashQueue struct {
	mu      sync.Mutex
	waiting []*hashedEvent // guarded by mu
	started int            // workers that have not taken any yet; guarded by mu
	hashing int            // workers that have; guarded by mu
}

// hashPatience is how long a piece waits for a second one: at the rates where
// hashing matters many come in that time.
const hashPatience = 20 * time.Millisecond

// add reports whether a worker is to be started.
func (q *hashQueue) add(e *hashedEvent, info *metainfo.Info) bool {
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
	for _, e := range q.waiting {
		if e.piece == piece {
			e.patient = false
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
func (q *hashQueue) take(info *metainfo.Info) []*hashedEvent {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), 1)
	if w := q.waiting; len(w) > 1 && !info.V2 && info.Pieces.Size(w[0].piece) == info.Pieces.Size(w[1].piece) {
		n = 2
	}
	taken := q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil
	}
	q.started--
	q.hashing++
	return taken
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
		e.data.release()
	}
	q.waiting = nil
}

// hashSoon has a piece hashed at once, or with the next if that will probably
// be whole in time: the last one was.
func (l *loop) hashSoon(e *hashedEvent) {
	last := l.pieces.whole
	l.pieces.whole = l.now
	e.patient = l.reads.Wants.Of(e.piece) == nil && l.now.Sub(last) < hashPatience && l.picker.Pieces.Incoming()
	if l.pieces.unhashed.add(e, l.info()) {
		l.t.hashNext(l.pieces.unhashed, l.content)
	} else if e.patient {
		time.AfterFunc(hashPatience, func() { l.t.post(hurryEvent(e.piece)) })
	}
}

// hurryEvent tells that a piece has waited for another long enough.
type hurryEvent int

func (e hurryEvent) apply(l *loop) { l.hurry(int(e)) }

// hurry lets a piece wait for no other, if it does.
func (l *loop) hurry(piece int) {
	if l.pieces.unhashed.hurry(piece, l.info()) {
		l.t.hashNext(l.pieces.unhashed, l.content)
	}
}

// hashNext has a worker hash what has waited longest.
func (t *Torrent) hashNext(q *hashQueue, c *content) {
	t.work(func() {
		pieces := q.take(c.info())
		verifyAll(pieces, c.info())
		if q.done(c.info()) {
			t.hashNext(q, c)
		}
		t.hashed(pieces, c)
	})
}

// hashed tells the loop what pieces are worth, and stores those that are good.
func (t *Torrent) hashed(pieces []*hashedEvent, c *content) {
	var good []*hashedEvent
	for _, e := range pieces {
		switch {
		case !t.post(*e):
			e.data.release()
		case e.ok1 && e.ok2:
			good = append(good, e)
		}
	}
	for _, e := range good {
		err := c.storage.WritePiece(e.piece, e.data.bytes())
		if !t.post(storedEvent{piece: e.piece, data: e.data, err: err}) {
			e.data.release()
		}
	}
}

// verifyAll checks one piece, or two of version 1, against every hash there is
// for them.
func verifyAll(pieces []*hashedEvent, info *metainfo.Info) {
	if len(pieces) == 2 {
		a, b := pieces[0], pieces[1]
		a.ok1, b.ok1 = info.VerifyPair1(a.piece, b.piece, a.data.bytes(), b.data.bytes())
		a.ok2, b.ok2 = true, true
		return
	}
	for _, e := range pieces {
		e.verify(info)
	}
}

// verify checks a piece; a hash that there is none of passes.
func (e *hashedEvent) verify(info *metainfo.Info) {
	blocks := e.data.bytes()
	switch {
	case !info.V2:
		e.ok1, e.ok2 = info.VerifyPiece1(e.piece, blocks), true
	case e.want2 == nil:
		e.ok1 = !info.V1 || info.VerifyPiece1(e.piece, blocks)
		e.ok2 = e.ok1
	case !info.V1:
		e.ok1, e.ok2 = true, info.VerifyPiece2(e.piece, *e.want2, blocks)
	default:
		e.ok1, e.ok2 = info.VerifyBoth(e.piece, *e.want2, blocks)
	}
	if e.ok2 || len(e.leaves) < len(blocks) {
		return
	}
	for n, b := range blocks {
		if !e.leaves[n].IsZero() && sha256.Sum256(b) != e.leaves[n] {
			e.bad = append(e.bad, n)
		}
	}
}
