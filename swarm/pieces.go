package swarm

import (
	"crypto/sha256"
	"slices"
	"sync/atomic"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/picker"
)

// whole is a piece whose blocks are all here. Those who read it share it;
// the last to release it gives the buffers back.
type whole struct {
	blocks []*peer.Buffer
	pool   *peer.Pool
	refs   atomic.Int32
}

func (w *whole) retain() { w.refs.Add(1) }

func (w *whole) release() {
	if w.refs.Add(-1) == 0 {
		for _, b := range w.blocks {
			w.pool.Put(b)
		}
		w.blocks = nil
	}
}

// bytes are the blocks as slices, valid until release.
func (w *whole) bytes() [][]byte {
	out := make([][]byte, len(w.blocks))
	for i, b := range w.blocks {
		out[i] = b.Bytes()
	}
	return out
}

// copyTo fills p from the piece, beginning begin bytes into it.
func (w *whole) copyTo(p []byte, begin int64) {
	n, at := int(begin)/metainfo.BlockSize, int(begin)%metainfo.BlockSize
	for len(p) > 0 && n < len(w.blocks) {
		c := copy(p, w.blocks[n].Bytes()[at:])
		p, n, at = p[c:], n+1, 0
	}
}

// partial is a piece that is coming in.
type partial struct {
	blocks []*peer.Buffer
	from   []int // who sent each block
}

// culprits remembers a piece that did not verify: who sent which block, and
// what it hashed to, until the piece has come whole and the bad ones show.
type culprits struct {
	from   []int
	hashes [][32]byte
}

// pieces holds the bytes between the network and the storage. Owned by the
// loop.
type pieces struct {
	pool    *peer.Pool
	partial map[int]*partial
	writing map[int]*whole // verified, not yet in the storage
	kept    map[int]*whole // verified, and the storage refused it
	order   []int          // of kept
	bad     map[int]*culprits
	hashing int
}

// maxKept is how many pieces are kept in memory that the storage refused.
const maxKept = 8

func newPieces(t *Torrent) pieces {
	return pieces{
		pool:    &t.client.pool,
		partial: map[int]*partial{},
		writing: map[int]*whole{},
		kept:    map[int]*whole{},
		bad:     map[int]*culprits{},
	}
}

// inMemory reports whether the piece is verified and in memory only.
func (ps *pieces) inMemory(piece int) bool {
	return ps.writing[piece] != nil || ps.kept[piece] != nil
}

// verified returns a verified piece that is in memory, retained for the
// caller, or nil.
func (ps *pieces) verified(piece int) *whole {
	w := ps.writing[piece]
	if w == nil {
		w = ps.kept[piece]
	}
	if w != nil {
		w.retain()
	}
	return w
}

func (ps *pieces) dropAll() {
	for i, p := range ps.partial {
		ps.putAll(p)
		delete(ps.partial, i)
	}
	for i, w := range ps.kept {
		w.release()
		delete(ps.kept, i)
	}
}

func (ps *pieces) putAll(p *partial) {
	for i, b := range p.blocks {
		if b != nil {
			ps.pool.Put(b)
			p.blocks[i] = nil
		}
	}
}

// keep holds on to a piece that the storage refused, so that its readers are
// not sent to the network again at once.
func (ps *pieces) keep(piece int, w *whole) {
	ps.kept[piece] = w
	ps.order = append(ps.order, piece)
	if len(ps.order) > maxKept {
		ps.kept[ps.order[0]].release()
		delete(ps.kept, ps.order[0])
		ps.order = ps.order[1:]
	}
}

// arrived puts a block into its piece. It keeps the buffer or gives it back.
func (l *loop) arrived(r *remote, b picker.Block, buf *peer.Buffer) {
	wanted, others := l.picker.Received(b, r.id)
	if !wanted {
		l.counts.wasted += int64(len(buf.Bytes()))
		l.pieces.pool.Put(buf)
		return
	}
	for _, id := range others {
		if o := l.remotes[id]; o != nil {
			l.cancel(o, b)
		}
	}
	p := l.pieces.partial[b.Piece]
	if p == nil {
		n := l.info().Blocks(b.Piece)
		p = &partial{blocks: make([]*peer.Buffer, n), from: make([]int, n)}
		l.pieces.partial[b.Piece] = p
	}
	if p.blocks[b.N] != nil {
		l.pieces.pool.Put(p.blocks[b.N])
	}
	p.blocks[b.N], p.from[b.N] = buf, r.id
	if l.readers.wants[b.Piece] != nil {
		l.readers.progress[b.Piece] = l.now
	}
	if l.picker.Complete(b.Piece) {
		l.check(b.Piece)
	}
}

// check has a piece hashed whose blocks are all here. Where the piece layer
// is missing it waits for that.
func (l *loop) check(piece int) {
	want2, ok := l.layers.hash(l, piece)
	if !ok {
		l.layers.await(l, piece)
		return
	}
	l.checkBy(piece, &want2)
}

// checkBy is check with the hash of version 2, nil if only that of version 1
// is known.
func (l *loop) checkBy(piece int, want2 *metainfo.Hash256) {
	p := l.pieces.partial[piece]
	delete(l.pieces.partial, piece)
	w := &whole{blocks: p.blocks, pool: l.pieces.pool}
	w.retain()
	l.pieces.hashing++
	c := l.content
	l.t.work(func() {
		ok1, ok2 := verify(c.info(), piece, want2, w.bytes())
		if !l.t.post(hashedEvent{piece: piece, data: w, from: p.from, ok1: ok1, ok2: ok2}) {
			w.release()
			return
		}
		if ok1 && ok2 {
			err := c.storage.WritePiece(piece, w.bytes())
			if !l.t.post(storedEvent{piece: piece, data: w, err: err}) {
				w.release()
			}
		}
	})
}

// verify checks a piece against every hash there is for it; one that there is
// none for passes.
func verify(info *metainfo.Info, piece int, want2 *metainfo.Hash256, blocks [][]byte) (ok1, ok2 bool) {
	ok1, ok2 = true, true
	if info.V1 {
		ok1 = info.VerifyPiece1(piece, blocks)
	}
	switch {
	case !info.V2:
	case want2 == nil:
		ok2 = ok1
	default:
		ok2 = info.VerifyPiece2(piece, *want2, blocks)
	}
	return ok1, ok2
}

// hashedEvent is the verdict on a piece.
type hashedEvent struct {
	piece    int
	data     *whole
	from     []int
	ok1, ok2 bool
}

func (e hashedEvent) apply(l *loop) {
	l.pieces.hashing--
	switch {
	case e.ok1 && e.ok2:
		l.good(e)
	case e.ok1 != e.ok2 && l.info().V1 && l.info().V2:
		e.data.release()
		l.end(errHalves)
	default:
		l.failed(e)
	}
}

// good takes in a verified piece: its readers wake before it is stored.
func (l *loop) good(e hashedEvent) {
	l.pieces.writing[e.piece] = e.data
	l.readers.satisfy(e.piece, e.data)
	l.blame(e)
	l.refocus()
}

// failed finds who sent a piece that does not verify. If one peer sent all of
// it, it is banned; otherwise the piece is fetched again from a single other
// peer, and then compared.
func (l *loop) failed(e hashedEvent) {
	defer e.data.release()
	l.counts.failed++
	l.counts.wasted += int64(l.info().PieceSize(e.piece))
	l.log.Debug("piece does not verify", "infohash", l.t.hashes[0], "piece", e.piece)
	one := !slices.ContainsFunc(e.from, func(id int) bool { return id != e.from[0] })
	if one {
		l.ban(e.from[0], "sent a piece that does not verify")
	} else if l.pieces.bad[e.piece] == nil {
		c := &culprits{from: e.from}
		for _, b := range e.data.bytes() {
			c.hashes = append(c.hashes, sha256.Sum256(b))
		}
		l.pieces.bad[e.piece] = c
	}
	l.picker.Failed(e.piece)
	l.scheduleAll()
}

// blame compares a good piece with a bad copy of it, and bans those whose
// blocks differ.
func (l *loop) blame(e hashedEvent) {
	c := l.pieces.bad[e.piece]
	if c == nil {
		return
	}
	delete(l.pieces.bad, e.piece)
	for n, b := range e.data.bytes() {
		if sha256.Sum256(b) != c.hashes[n] {
			l.ban(c.from[n], "sent a block that differs from the verified one")
		}
	}
}

// storedEvent tells that a verified piece is in the storage, or why not.
type storedEvent struct {
	piece int
	data  *whole
	err   error
}

func (e storedEvent) apply(l *loop) {
	delete(l.pieces.writing, e.piece)
	if e.err != nil {
		l.unstored(e)
		return
	}
	e.data.release()
	l.picker.SetHave(e.piece, true)
	l.counts.verified += int64(l.info().PieceSize(e.piece))
	l.tellHave(e.piece)
	l.checkWhole()
}

// unstored is a verified piece that the storage refused. A download cannot go
// on; a mount's reads do, from memory.
func (l *loop) unstored(e storedEvent) {
	if l.t.spec.Everything {
		e.data.release()
		l.end(e.err)
		return
	}
	l.log.Debug("piece not stored", "infohash", l.t.hashes[0], "piece", e.piece, "err", e.err)
	l.picker.Forget(e.piece)
	l.pieces.keep(e.piece, e.data)
}

// lostEvent tells that the storage has a piece no more.
type lostEvent struct{ piece int }

func (e lostEvent) apply(l *loop) {
	if l.content != nil && e.piece < l.picker.Pieces() && l.picker.Have(e.piece) {
		l.lost(e.piece)
	}
}

// lost makes a piece one to be fetched again and takes it back from peers.
func (l *loop) lost(piece int) {
	l.picker.SetHave(piece, false)
	for _, r := range l.remotes {
		if r.pp.All || r.pp.Has != nil && r.pp.Has.Test(uint(piece)) {
			r.lacking++
		}
		l.takeBack(r, piece)
	}
	l.interest()
}
