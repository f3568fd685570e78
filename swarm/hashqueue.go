package swarm

import (
	"sync"

	"p2pfs/swarm/metainfo"
)

// hashQueue is the pieces that have come whole and wait to be hashed. Two of
// version 1 are hashed in little more than the time of one. So a piece that
// comes while another is being hashed waits for a second one, or until that is
// done, whichever is first.
//
// The loop adds to it and workers take from it, at moments that the loop does
// not know: hence the mutex, held for a few instructions.
type hashQueue struct {
	mu      sync.Mutex
	waiting []*hashedEvent // guarded by mu
	hashing int            // workers that do; guarded by mu
}

// add reports whether a worker is to be started.
func (q *hashQueue) add(e *hashedEvent, info *metainfo.Info) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, e)
	return q.due(info)
}

// due tells whether what waits should not wait any longer; mu is held.
func (q *hashQueue) due(info *metainfo.Info) bool {
	n := len(q.waiting)
	return n > 1 || n > 0 && (q.hashing == 0 || info.V2)
}

// take returns the piece that has waited longest; with it the next, if it
// waits too and both can be hashed together. There is none if another worker
// took it so. Done is to be called when they are hashed.
func (q *hashQueue) take(info *metainfo.Info) []*hashedEvent {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), 1)
	if w := q.waiting; len(w) > 1 && !info.V2 && info.PieceSize(w[0].piece) == info.PieceSize(w[1].piece) {
		n = 2
	}
	taken := q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil
	}
	if n > 0 {
		q.hashing++
	}
	return taken
}

// done reports whether a worker is to be started.
func (q *hashQueue) done(info *metainfo.Info) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hashing--
	return q.due(info)
}

// hashNext has a worker hash what has waited longest.
func (t *Torrent) hashNext(q *hashQueue, c *content) {
	t.work(func() {
		pieces := q.take(c.info())
		if len(pieces) == 0 {
			return
		}
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
		if !e.leaves[n].IsZero() && metainfo.BlockHash(b) != e.leaves[n] {
			e.bad = append(e.bad, n)
		}
	}
}
