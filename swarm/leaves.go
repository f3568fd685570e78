package swarm

import (
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/wire"
)

const (
	// leafPatience is how long, beyond some round trips, a peer may take to
	// answer a request for leaf hashes before another is asked too.
	leafPatience = 400 * time.Millisecond
	// leafTimeout is when its answer is not expected any more.
	leafTimeout = 10 * time.Second
	// leafRefusals is how often a peer may refuse before it is asked no more.
	leafRefusals = 3
	// maxLeafPieces bounds the pieces whose leaf hashes are kept.
	maxLeafPieces = 1024
)

// leaves fetches the leaf hashes of pieces that are read, so that each block
// can be verified as it lands (BEP 52). Owned by the loop.
type leaves struct {
	known   map[int][]metainfo.Hash256 // by piece, one a block; zero: not known
	proven  map[int]metainfo.Hash256   // piece hashes that leaves with a proof to the root have shown
	pending map[leafKey]*leafAsk
	refused map[int]int // by remote
}

// leafKey is a request and who was asked.
type leafKey struct {
	q      wire.HashRequest
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
	}
}

// speaks reports whether a peer may be asked for leaves.
func (ls *leaves) speaks(r *remote) bool { return r.v2 && ls.refused[r.id] < leafRefusals }

// byBlock reports whether blocks of the piece can be verified one by one:
// their leaves are known, or there is a peer to ask for them.
func (l *loop) byBlock(piece int) bool {
	if !l.info().V2 || l.info().Blocks(piece) < 2 {
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

// request is the one for the leaves around a block: of its whole piece, or of
// as many as one request may name. The proof leads to the piece's hash where
// that is known, else to the root of the file.
func (l *loop) leafRequest(b picker.Block) wire.HashRequest {
	info := l.info()
	file := info.FileOfPiece(b.Piece)
	first, _ := info.FilePieces(file)
	tree := info.Tree(file)
	per := info.LeafCount(b.Piece)
	n := min(per, wire.MaxHashes)
	top := tree.Height
	if _, ok := info.PieceHash2(l.meta52(), b.Piece); ok {
		top = tree.PieceLayer
	}
	index := (b.Piece - first) << tree.PieceLayer
	return wire.HashRequest{
		Root: info.Files[file].Root, Index: index + b.N/n*n, Length: n, ProofLayers: top - 1,
	}
}

// needed reports whether the leaf of a block should be asked for now, and
// notes that r is.
func (ls *leaves) needed(l *loop, r *remote, b picker.Block) (wire.HashRequest, bool) {
	if !ls.speaks(r) || !l.info().V2 || l.info().Blocks(b.Piece) < 2 || !l.readers.reading(b.Piece) {
		return wire.HashRequest{}, false
	}
	if k := ls.known[b.Piece]; k != nil && !k[b.N].IsZero() {
		return wire.HashRequest{}, false
	}
	q := l.leafRequest(b)
	for k, a := range ls.pending {
		if k.q == q && (!a.late || k.remote == r.id) {
			return q, false
		}
	}
	ls.pending[leafKey{q, r.id}] = &leafAsk{block: b, at: l.now}
	return q, true
}

// ask asks for the leaves of a block that is read and has been asked for or
// has come without them.
func (ls *leaves) ask(l *loop, b picker.Block) {
	best := (*remote)(nil)
	q := l.leafRequest(b)
	for _, r := range l.remotes {
		if ls.speaks(r) && ls.pending[leafKey{q, r.id}] == nil && (best == nil || ls.better(l, b, r, best)) {
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
	return r.pp.Rate > than.pp.Rate
}

// onHashes takes leaves in. Those never asked for are dropped, false ones ban
// their sender.
func (ls *leaves) onHashes(l *loop, r *remote, q wire.HashRequest, hashes, uncles []metainfo.Hash256) {
	a := ls.pending[leafKey{q, r.id}]
	if a == nil {
		return
	}
	delete(ls.pending, leafKey{q, r.id})
	if !l.info().VerifyHashes(l.meta52(), metainfo.HashRequest(q), hashes, uncles) {
		ls.refused[r.id] = leafRefusals
		l.ban(r.id, "sent false hashes")
		ls.retry(l, a.block)
		return
	}
	ls.refused[r.id] = 0
	ls.keep(l, a.block.Piece, q, hashes)
	l.judge(a.block.Piece)
	if l.layers.waiting[a.block.Piece] {
		l.layers.resume(l)
	}
}

// keep notes verified leaves.
func (ls *leaves) keep(l *loop, piece int, q wire.HashRequest, hashes []metainfo.Hash256) {
	if len(ls.known) >= maxLeafPieces {
		for i := range ls.known {
			if !l.readers.reading(i) {
				delete(ls.known, i)
			}
		}
	}
	k := ls.known[piece]
	if k == nil {
		k = make([]metainfo.Hash256, l.info().Blocks(piece))
		ls.known[piece] = k
	}
	per := l.info().LeafCount(piece)
	copy(k[q.Index%per:], hashes)
	if q.Length == per {
		ls.proven[piece] = metainfo.Root(hashes, per)
		if s, ok := l.storage.(PieceHashStorage); ok {
			s.SetPieceHash(piece, ls.proven[piece])
		}
	}
}

// onReject turns to another peer; true if the request was for leaves.
func (ls *leaves) onReject(l *loop, r *remote, q wire.HashRequest) bool {
	a := ls.pending[leafKey{q, r.id}]
	if a == nil {
		return false
	}
	delete(ls.pending, leafKey{q, r.id})
	ls.refused[r.id]++
	l.log.Debug("leaves refused", "infohash", l.t.hashes[0], "peer", r.addr, "piece", a.block.Piece, "times", ls.refused[r.id])
	ls.retry(l, a.block)
	return true
}

// retry asks somebody else for the leaf of a block that is read; where nobody
// is left its readers wait for the whole piece.
func (ls *leaves) retry(l *loop, b picker.Block) {
	ls.ask(l, b)
	if l.readers.wants[b.Piece] != nil && !l.byBlock(b.Piece) {
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
		case !a.late && age > leafPatience+4*r.down.minRTT:
			a.late = true
			ls.refused[k.remote]++
			ls.retry(l, a.block)
		}
	}
	for piece, ws := range l.readers.wants {
		if l.pieces.partial[piece] != nil && l.byBlock(piece) {
			for _, w := range ws {
				ls.ask(l, picker.Block{Piece: piece, N: w.first})
			}
		}
	}
}

func (ls *leaves) left(l *loop, r *remote) {
	delete(ls.refused, r.id)
	for k, a := range ls.pending {
		if k.remote == r.id {
			delete(ls.pending, k)
			ls.retry(l, a.block)
		}
	}
}

// judge verifies the blocks of a piece that readers wait for, as far as their
// leaves are known, and answers the readers whose blocks are good.
func (l *loop) judge(piece int) {
	p, k := l.pieces.partial[piece], l.leaves.known[piece]
	if p == nil || k == nil {
		return
	}
	bad := false
	for _, w := range l.readers.wants[piece] {
		for n := w.first; n < min(w.end, len(k)); n++ {
			bad = l.judgeBlock(p, picker.Block{Piece: piece, N: n}, k[n]) || bad
		}
	}
	l.readers.satisfyGood(piece, p)
	if l.readers.wants[piece] == nil {
		l.refocus()
	}
	if bad {
		l.scheduleAll()
	}
}

// judgeBlock verifies one block; a false one is dropped and its sender banned.
func (l *loop) judgeBlock(p *partial, b picker.Block, leaf metainfo.Hash256) (bad bool) {
	buf := p.blocks[b.N]
	if buf == nil || p.good[b.N] || leaf.IsZero() {
		return false
	}
	if metainfo.BlockHash(buf.Bytes()) == leaf {
		p.good[b.N] = true
		return false
	}
	l.counts.failed++
	l.counts.wasted += int64(len(buf.Bytes()))
	from := p.from[b.N]
	l.pieces.remove(p, b.N)
	l.picker.Unreceive(b)
	l.ban(from, "sent a block that does not verify")
	return true
}
