package choker

import (
	"math"
	"slices"
	"time"
)

const (
	// patience is how long a peer waits at most for blocks that others could
	// be given instead. It must end before the peer takes us for dead.
	patience = 5 * time.Second
	// firstBytes is what a peer gets at once that has asked for nothing for a
	// while: a small read does not wait behind pieces.
	firstBytes = 64 << 10
)

// Block is what a peer has asked for. Peer tells by which of its connections,
// where it may have several.
type Block struct{ Peer, Piece, Begin, Length int }

// Turns orders what goes out over an uplink that is known to be the
// bottleneck. Sent in turns block by block, n pieces are all complete only
// when the last of them is, and until then nobody can pass one on. So a turn
// is a piece, or so much of it as Longest allows. Turns go round fairly, in
// bytes; but a piece that nobody has been sent goes before one that somebody
// was, who will pass it on, and a peer that has asked for nothing for a while
// gets a few blocks before all turns. The zero value is ready, but for the
// fields that are to be set.
type Turns struct {
	// Longest is the most bytes of a turn; 0: any piece is a turn.
	Longest int

	queues  []*queue
	current *queue // whose turn it is
	piece   int    // of the turn
	left    int    // bytes of the turn
	served  int64  // tag at which the turn began
	sent    map[int]int
}

// queue is what one peer waits for.
type queue struct {
	id     int
	blocks []Block
	tag    int64 // bytes sent, or that could have been
	first  int   // bytes sent since nothing waited
	since  time.Time
}

func (t *Turns) find(id int) *queue {
	for _, q := range t.queues {
		if q.id == id {
			return q
		}
	}
	return nil
}

// Add puts a block in the queue of a peer.
func (t *Turns) Add(now time.Time, id int, b Block) {
	q := t.find(id)
	if q == nil {
		q = &queue{id: id, tag: t.served}
		t.queues = append(t.queues, q)
	}
	if len(q.blocks) == 0 {
		q.first, q.since, q.tag = 0, now, max(q.tag, t.served)
	}
	q.blocks = append(q.blocks, b)
}

// Len is how many blocks wait for a peer.
func (t *Turns) Len(id int) int {
	if q := t.find(id); q != nil {
		return len(q.blocks)
	}
	return 0
}

// Cancel takes a block out of a peer's queue, if it is there.
func (t *Turns) Cancel(id int, b Block) bool {
	q := t.find(id)
	if q == nil {
		return false
	}
	i := slices.Index(q.blocks, b)
	if i >= 0 {
		q.blocks = slices.Delete(q.blocks, i, i+1)
	}
	return i >= 0
}

// Drop takes all blocks out of a peer's queue but those to keep.
func (t *Turns) Drop(id int, keep func(Block) bool) (dropped []Block) {
	q := t.find(id)
	if q == nil {
		return nil
	}
	q.blocks = slices.DeleteFunc(q.blocks, func(b Block) bool {
		if !keep(b) {
			dropped = append(dropped, b)
			return true
		}
		return false
	})
	return dropped
}

// Stop forgets whatever was sent to a peer that is choked or gone and can not
// be relied on to pass it on.
func (t *Turns) Stop(id int) {
	for piece, to := range t.sent {
		if to == id {
			delete(t.sent, piece)
		}
	}
}

// Leave forgets a peer.
func (t *Turns) Leave(id int) {
	t.Stop(id)
	if t.current != nil && t.current.id == id {
		t.current = nil
	}
	t.queues = slices.DeleteFunc(t.queues, func(q *queue) bool { return q.id == id })
}

// Current is the peer whose turn is not over though nothing waits for it: it
// may ask for more in a moment.
func (t *Turns) Current() (id int, ok bool) {
	if q := t.current; q != nil && t.left > 0 && len(q.blocks) == 0 {
		return q.id, true
	}
	return 0, false
}

// Next takes the block that is to be sent next, if any waits. Spread tells
// whether a leecher has the piece. Peers of which held is true are left out.
func (t *Turns) Next(now time.Time, spread func(piece int) bool, held func(id int) bool) (id int, b Block, ok bool) {
	if held == nil {
		held = func(int) bool { return false }
	}
	if q := t.newcomer(held); q != nil {
		return t.take(now, q, 0)
	}
	if q := t.current; q != nil && t.left > 0 && !held(q.id) {
		if i := slices.IndexFunc(q.blocks, func(b Block) bool { return b.Piece == t.piece }); i >= 0 {
			t.left -= q.blocks[i].Length
			return t.take(now, q, i)
		}
	}
	q, i := t.choose(now, spread, held)
	if q == nil {
		return 0, Block{}, false
	}
	t.current, t.piece, t.left, t.served = q, q.blocks[i].Piece, t.Longest, max(t.served, q.tag)
	if t.left <= 0 {
		t.left = math.MaxInt
	}
	t.left -= q.blocks[i].Length
	return t.take(now, q, i)
}

// newcomer returns a peer that has just begun to ask, if it had no more so far
// than the one whose turn it is when that began, or not much.
func (t *Turns) newcomer(held func(id int) bool) *queue {
	for _, q := range t.queues {
		if len(q.blocks) > 0 && q.first < firstBytes && q.tag < t.served+firstBytes && !held(q.id) {
			return q
		}
	}
	return nil
}

// choose returns whose turn is next, and with which block.
func (t *Turns) choose(now time.Time, spread func(piece int) bool, held func(id int) bool) (best *queue, at int) {
	bestNew := false
	for _, q := range t.queues {
		if len(q.blocks) == 0 || held(q.id) {
			continue
		}
		i, isNew := t.foremost(q, spread)
		isNew = isNew || now.Sub(q.since) > patience
		if best == nil || isNew && !bestNew || isNew == bestNew && q.tag < best.tag {
			best, at, bestNew = q, i, isNew
		}
	}
	return best, at
}

// foremost is the first block in a queue whose piece was sent to nobody else;
// if there is none, the first of all.
func (t *Turns) foremost(q *queue, spread func(piece int) bool) (at int, isNew bool) {
	for i, b := range q.blocks {
		if i > 0 && b.Piece == q.blocks[i-1].Piece {
			continue
		}
		if to, ok := t.sent[b.Piece]; (!ok || to == q.id) && !spread(b.Piece) {
			return i, true
		}
	}
	return 0, false
}

func (t *Turns) take(now time.Time, q *queue, i int) (int, Block, bool) {
	b := q.blocks[i]
	q.blocks = slices.Delete(q.blocks, i, i+1)
	q.tag += int64(b.Length)
	q.first += b.Length
	q.since = now
	if t.sent == nil {
		t.sent = map[int]int{}
	}
	if _, ok := t.sent[b.Piece]; !ok {
		t.sent[b.Piece] = q.id
	}
	return q.id, b, true
}
