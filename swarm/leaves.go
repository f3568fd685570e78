package swarm

import (
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/wire"
)

const (
	// leafPatience is how long, beyond twice what a block would take, a peer
	// may take to answer a request for leaf hashes before another is asked
	// too; newPatience if it has never sent a block.
	leafPatience = 100 * time.Millisecond
	newPatience  = 400 * time.Millisecond
	// leafTimeout is when its answer is not expected any more.
	leafTimeout = 10 * time.Second
	// leafRefusals is how often a peer may refuse before it is asked no more.
	leafRefusals = 3
	// maxLeaves bounds the leaf hashes that a torrent keeps: 8 MiB of them.
	maxLeaves = 1 << 18
)

// leaves fetches the leaf hashes of pieces that are read, so that each block
// can be verified as it lands (BEP 52). Owned by the loop.
type leaves struct {
	known   map[int][]metainfo.Hash256 // by piece, one a block; zero: not known
	order   []int                      // pieces in known, as they came
	count   int                        // hashes in known
	proven  map[int]metainfo.Hash256   // piece hashes that leaves with a proof to the root have shown
	pending map[leafKey]*leafAsk
	refused map[int]int  // by remote
	wide    map[int]bool // by remote: answered; false: would not for several pieces
}

// leafKey is a request and who was asked.
type leafKey struct {
	q      hashing.HashRequest
	remote int
}

// leafAsk is a request that is under way.
type leafAsk struct {
	block picker.Block // one of those it is for
	at    time.Time
	late  bool // another peer was asked too
}

func newLeaves() leaves {
	return leaves{
		known:   map[int][]metainfo.Hash256{},
		proven:  map[int]metainfo.Hash256{},
		pending: map[leafKey]*leafAsk{},
		refused: map[int]int{},
		wide:    map[int]bool{},
	}
}

// speaks reports whether a peer may be asked for leaves.
func (ls *leaves) speaks(r *remote) bool { return r.v2 && ls.refused[r.id] < leafRefusals }

// byBlock reports whether blocks of the piece can be verified one by one:
// their leaves are known, or there is a peer to ask for them.
func (l *loop) byBlock(piece int) bool {
	if !l.info().V2 || l.info().Pieces.Blocks(piece) < 2 {
		return false
	}
	if l.leaves.known[piece] != nil {
		return true
	}
	for _, r := range l.remotes {
		if l.leaves.speaks(r) {
			return true
		}
	}
	return false
}

// needed reports whether the leaf of a block should be asked for now, and
// notes that r is.
func (ls *leaves) needed(l *loop, r *remote, b picker.Block) (hashing.HashRequest, bool) {
	if !ls.speaks(r) || !l.info().V2 || l.info().Pieces.Blocks(b.Piece) < 2 || !l.reads.Reading(b.Piece) {
		return hashing.HashRequest{}, false
	}
	if k := ls.known[b.Piece]; k != nil && !k[b.N].IsZero() {
		return hashing.HashRequest{}, false
	}
	for k, a := range ls.pending {
		if l.asksFor(k.q, b) && (!a.late || k.remote == r.id) {
			return hashing.HashRequest{}, false
		}
	}
	q := l.leafRequest(r, b)
	ls.pending[leafKey{q, r.id}] = &leafAsk{block: b, at: l.now}
	return q, true
}

// ask asks for the leaves of a block that is read and has been asked for or
// has come without them.
func (ls *leaves) ask(l *loop, b picker.Block) {
	best := (*remote)(nil)
	for _, r := range l.remotes {
		if ls.speaks(r) && !ls.owes(l, r, b) && (best == nil || ls.better(l, b, r, best)) {
			best = r
		}
	}
	if best == nil {
		return
	}
	if q, ok := ls.needed(l, best, b); ok {
		best.conn.Send(func(dst []byte) []byte { return wire.AppendHashRequest(dst, q) })
	}
}

// owes reports whether the peer was asked for the leaf of a block.
func (ls *leaves) owes(l *loop, r *remote, b picker.Block) bool {
	for k := range ls.pending {
		if k.remote == r.id && l.asksFor(k.q, b) {
			return true
		}
	}
	return false
}

// better prefers peers that were asked for blocks of the piece, because some
// answer for no other, then those that refused less, then quick ones.
func (ls *leaves) better(l *loop, b picker.Block, r, than *remote) bool {
	asked := func(r *remote) bool {
		if p := l.pieces.partial[b.Piece]; p != nil {
			for _, id := range p.from {
				if id == r.id {
					return true
				}
			}
		}
		for k := range r.down.asked {
			if k.Piece == b.Piece {
				return true
			}
		}
		return false
	}
	if x, y := asked(r), asked(than); x != y {
		return x
	}
	if x, y := ls.refused[r.id], ls.refused[than.id]; x != y {
		return x < y
	}
	if x, y := r.down.late(l.now), than.down.late(l.now); x != y {
		return x < y
	}
	return r.pp.Rate > than.pp.Rate
}

// onHashes takes leaves in. Those never asked for are dropped, false ones ban
// their sender.
func (ls *leaves) onHashes(l *loop, r *remote, q hashing.HashRequest, hashes, uncles []metainfo.Hash256) {
	a := ls.pending[leafKey{q, r.id}]
	if a == nil {
		return
	}
	delete(ls.pending, leafKey{q, r.id})
	if !l.info().VerifyHashes(l.meta52(), q, hashes, uncles) {
		ls.refused[r.id] = leafRefusals
		l.ban(r.id, "sent false hashes")
		ls.retry(l, a.block)
		return
	}
	ls.refused[r.id] = 0
	if _, ok := ls.wide[r.id]; !ok {
		ls.wide[r.id] = true
	}
	for _, piece := range ls.keep(l, a.block.Piece, q, hashes) {
		l.judge(piece)
	}
	l.layers.resume(l)
}

// onReject turns to another peer; true if the request was for leaves.
func (ls *leaves) onReject(l *loop, r *remote, q hashing.HashRequest) bool {
	a := ls.pending[leafKey{q, r.id}]
	if a == nil {
		return false
	}
	delete(ls.pending, leafKey{q, r.id})
	if q.Length > l.info().LeafCount(a.block.Piece) {
		ls.wide[r.id] = false // it may still answer for one
	} else {
		ls.refused[r.id]++
	}
	l.log.Debug("leaves refused", "infohash", l.t.hashes[0], "peer", r.addr, "piece", a.block.Piece, "times", ls.refused[r.id])
	ls.retry(l, a.block)
	return true
}

// retry asks somebody else for the leaf of a block that is read; where nobody
// is left its readers wait for the whole piece.
func (ls *leaves) retry(l *loop, b picker.Block) {
	ls.ask(l, b)
	if l.reads.Wants.Of(b.Piece) != nil && !l.byBlock(b.Piece) {
		l.refocus()
		l.scheduleAll()
	}
}

// tick turns to others where an answer is late, and asks for the leaves of
// blocks that are here, wanted, and asked of nobody.
func (ls *leaves) tick(l *loop) {
	for k, a := range ls.pending {
		r := l.remotes[k.remote]
		age := l.now.Sub(a.at)
		switch {
		case r == nil || age > leafTimeout:
			delete(ls.pending, k)
		case !a.late && age > r.leafPatience():
			a.late = true
			ls.refused[k.remote]++
			ls.retry(l, a.block)
		}
	}
	for piece := range l.reads.Wants.Pieces() {
		if l.pieces.partial[piece] != nil && l.byBlock(piece) {
			for _, w := range l.reads.Wants.Of(piece) {
				ls.ask(l, picker.Block{Piece: piece, N: w.First})
			}
		}
	}
}

// leafPatience is how long an answer of the peer may take. It comes behind the
// blocks that it owes us.
func (r *remote) leafPatience() time.Duration {
	if r.down.blocks == 0 {
		return newPatience
	}
	queue := time.Duration(0)
	if r.down.peak > 0 {
		queue = time.Duration(float64(r.pp.Queued) / r.down.peak * float64(time.Second))
	}
	return leafPatience + 2*(r.down.minRTT+min(queue, time.Second))
}

func (ls *leaves) left(l *loop, r *remote) {
	delete(ls.refused, r.id)
	delete(ls.wide, r.id)
	for k, a := range ls.pending {
		if k.remote == r.id {
			delete(ls.pending, k)
			ls.retry(l, a.block)
		}
	}
}
