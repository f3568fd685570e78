package swarm

import (
	"slices"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/peer"
	"p2pfs/swarm/picker"
)

// span is a run of verified blocks of a piece, from block first on. Those who
// read it share the buffers; each holder releases it once. They do not share the
// slice: whoever lets go of a block clears his own, on a goroutine of his own.
type span struct {
	first  int
	blocks []*peer.Buffer
}

func (s span) retain() {
	for _, b := range s.blocks {
		b.Retain()
	}
}

func (s span) release() {
	for _, b := range s.blocks {
		b.Release()
	}
}

// part is the blocks first up to and without end, retained for the caller.
func (s span) part(first, end int) span {
	out := span{first, slices.Clone(s.blocks[first-s.first : end-s.first])}
	out.retain()
	return out
}

// bytes are the blocks as slices, valid until release.
func (s span) bytes() [][]byte {
	out := make([][]byte, len(s.blocks))
	for i, b := range s.blocks {
		out[i] = b.Bytes()
	}
	return out
}

// copyTo fills p from the piece, beginning begin bytes into it.
func (s span) copyTo(p []byte, begin int64) {
	n, at := int(begin)/hashing.BlockSize-s.first, int(begin)%hashing.BlockSize
	for len(p) > 0 && n < len(s.blocks) {
		c := copy(p, s.blocks[n].Bytes()[at:])
		p, n, at = p[c:], n+1, 0
	}
}

// partial is a piece that is coming in.
type partial struct {
	blocks []*peer.Buffer
	from   []int  // who sent each block
	good   []bool // verified by its leaf hash, may be read
	here   int
	used   time.Time // when a block came or was read
}

// covers reports whether blocks first up to and without end may be read.
func (p *partial) covers(first, end int) bool {
	for _, ok := range p.good[first:end] {
		if !ok {
			return false
		}
	}
	return true
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
	partial map[int]*partial
	blocks  int          // in partial
	writing map[int]span // whole and verified, not yet in the storage
	kept    map[int]span // whole and verified, and the storage refused it
	order   []int        // of kept
	bad     map[int]*culprits

	unhashed *hashQueue // what no worker has taken yet
	whole    time.Time  // when the last piece had come
}

const (
	// maxKept is how many pieces are kept in memory that the storage refused.
	maxKept = 8
	// maxPartial bounds the blocks of pieces that are coming in; beyond it
	// the piece that was of use longest ago goes.
	maxPartial = 32 << 20 / hashing.BlockSize
)

func newPieces() pieces {
	return pieces{
		partial: map[int]*partial{},
		writing: map[int]span{},
		kept:    map[int]span{},
		bad:     map[int]*culprits{},

		unhashed: &hashQueue{},
	}
}

// inMemory reports whether the piece is verified and in memory only.
func (ps *pieces) inMemory(piece int) bool {
	return ps.writing[piece].blocks != nil || ps.kept[piece].blocks != nil
}

// verified returns verified blocks that are in memory, retained for the
// caller.
func (ps *pieces) verified(piece, first, end int, now time.Time) (span, bool) {
	for _, s := range []span{ps.writing[piece], ps.kept[piece]} {
		if s.blocks != nil {
			return s.part(first, end), true
		}
	}
	if p := ps.partial[piece]; p != nil && p.covers(first, end) {
		p.used = now
		return span{0, p.blocks}.part(first, end), true
	}
	return span{}, false
}

// add puts a block into its piece and takes over its buffer.
func (ps *pieces) add(b picker.Block, blocks int, buf *peer.Buffer, from int, now time.Time) {
	p := ps.partial[b.Piece]
	if p == nil {
		p = &partial{blocks: make([]*peer.Buffer, blocks), from: make([]int, blocks), good: make([]bool, blocks)}
		ps.partial[b.Piece] = p
	}
	ps.remove(p, b.N)
	p.blocks[b.N], p.from[b.N], p.used = buf, from, now
	p.here++
	ps.blocks++
}

// remove drops a block of a partial piece, if it is there.
func (ps *pieces) remove(p *partial, n int) {
	if p.blocks[n] != nil {
		p.blocks[n].Release()
		p.blocks[n], p.good[n] = nil, false
		p.here--
		ps.blocks--
	}
}

// take hands over all blocks of a piece that has come whole.
func (ps *pieces) take(piece int) *partial {
	p := ps.partial[piece]
	delete(ps.partial, piece)
	ps.blocks -= p.here
	return p
}

// drop forgets what has come of a piece.
func (ps *pieces) drop(piece int) {
	if p := ps.partial[piece]; p != nil {
		for n := range p.blocks {
			ps.remove(p, n)
		}
		delete(ps.partial, piece)
	}
}

func (ps *pieces) dropAll() {
	ps.unhashed.drop()
	for i := range ps.partial {
		ps.drop(i)
	}
	for i, s := range ps.kept {
		s.release()
		delete(ps.kept, i)
	}
}

// keep holds on to a piece that the storage refused, so that its readers are
// not sent to the network again at once.
func (ps *pieces) keep(piece int, s span) {
	ps.kept[piece] = s
	ps.order = append(ps.order, piece)
	if len(ps.order) > maxKept {
		ps.kept[ps.order[0]].release()
		delete(ps.kept, ps.order[0])
		ps.order = ps.order[1:]
	}
}

// squeeze drops the partial pieces that were of use longest ago, while there
// is too much of them; none that a reader waits for.
func (l *loop) squeeze() {
	for l.pieces.blocks > maxPartial {
		oldest := -1
		for i, p := range l.pieces.partial {
			if l.reads.Wants.Of(i) == nil && (oldest < 0 || p.used.Before(l.pieces.partial[oldest].used)) {
				oldest = i
			}
		}
		if oldest < 0 {
			return
		}
		l.counts.squeezed++
		l.pieces.drop(oldest)
		l.picker.Pieces.Forget(oldest)
	}
}

// arrived puts a block into its piece. It keeps the buffer or releases it.
func (l *loop) arrived(r *remote, b picker.Block, buf *peer.Buffer) {
	wanted, others := l.picker.Pieces.Received(b, r.id)
	if !wanted {
		l.counts.wasted += int64(len(buf.Bytes()))
		buf.Release()
		return
	}
	for _, id := range others {
		if o := l.remotes[id]; o != nil {
			l.cancel(o, b)
		}
	}
	l.pieces.add(b, l.info().Pieces.Blocks(b.Piece), buf, r.id, l.now)
	if l.reads.Wants.Of(b.Piece) != nil {
		l.reads.Wants.Progress(b.Piece, l.now)
		l.judge(b.Piece)
	}
	if l.picker.Pieces.Complete(b.Piece) {
		l.check(b.Piece)
	} else {
		l.squeeze()
	}
}

// senders are those who sent some of a piece that did not verify.
func (c *culprits) senders() map[int]bool {
	out := map[int]bool{}
	for _, id := range c.from {
		out[id] = true
	}
	return out
}
