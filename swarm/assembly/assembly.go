package assembly

import (
	"crypto/sha256"
	"slices"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/picker"
)

const (
	// maxRefused is how many pieces are kept in memory that the storage refused.
	maxRefused = 8
	// maxPartial bounds the blocks of pieces that are coming in; beyond it
	// the piece that was of use longest ago goes.
	maxPartial = 32 << 20 / hashing.BlockSize
)

// partial is a piece that is coming in.
type partial struct {
	blocks []Buffer
	from   []int  // who sent each block
	good   []bool // verified by its leaf hash, may be read
	here   int
	used   time.Time // when a block came or was read
}

// readable reports whether blocks first up to and without end may be read.
func (p *partial) readable(first, end int) bool {
	for _, ok := range p.good[first:end] {
		if !ok {
			return false
		}
	}
	return true
}

// Assembly has the blocks of pieces that are coming in, and the verified pieces
// that are in memory only.
type Assembly struct {
	partial  map[int]*partial
	blocks   int          // in partial
	writing  map[int]*Job // whole and verified, not yet in the storage
	refused  map[int]Span // whole and verified, and the storage did not take it
	order    []int        // of refused
	suspects map[int]*suspects
}

// New returns an Assembly with nothing in it.
func New() *Assembly {
	return &Assembly{
		partial: map[int]*partial{}, writing: map[int]*Job{},
		refused: map[int]Span{}, suspects: map[int]*suspects{},
	}
}

// Whole reports whether the piece is verified and in memory only.
func (a *Assembly) Whole(piece int) bool {
	return a.writing[piece] != nil || a.refused[piece].Blocks != nil
}

// Begun reports whether some blocks of the piece have come, not yet all.
func (a *Assembly) Begun(piece int) bool { return a.partial[piece] != nil }

// SentBy reports whether a peer sent some of a piece that is coming in.
func (a *Assembly) SentBy(piece, peer int) bool {
	p := a.partial[piece]
	return p != nil && slices.Contains(p.from, peer)
}

// Suspects is how many peers sent some of a piece that did not verify and is
// fetched again.
func (a *Assembly) Suspects(piece int) int {
	s := a.suspects[piece]
	if s == nil {
		return 0
	}
	who := map[int]bool{}
	for _, id := range s.from {
		who[id] = true
	}
	return len(who)
}

// Read returns verified blocks that are in memory, retained for the caller; false
// if they are not all there.
func (a *Assembly) Read(piece, first, end int, now time.Time) (Span, bool) {
	if j := a.writing[piece]; j != nil {
		return j.Data.Part(first, end), true
	}
	if s, ok := a.refused[piece]; ok {
		return s.Part(first, end), true
	}
	p := a.partial[piece]
	if p == nil || !p.readable(first, end) {
		return Span{}, false
	}
	p.used = now
	return Span{0, p.blocks}.Part(first, end), true
}

// Readable reports whether blocks of a piece that is coming in are verified.
func (a *Assembly) Readable(piece, first, end int) bool {
	p := a.partial[piece]
	return p != nil && p.readable(first, end)
}

// Add puts a block that a peer sent into its piece, which has so many, and takes
// over its buffer.
func (a *Assembly) Add(b picker.Block, blocks int, buf Buffer, from int, now time.Time) {
	p := a.partial[b.Piece]
	if p == nil {
		p = &partial{blocks: make([]Buffer, blocks), from: make([]int, blocks), good: make([]bool, blocks)}
		a.partial[b.Piece] = p
	}
	a.remove(p, b.N)
	p.blocks[b.N], p.from[b.N], p.used = buf, from, now
	p.here++
	a.blocks++
}

// remove drops a block of a partial piece, if it is there.
func (a *Assembly) remove(p *partial, n int) {
	if p.blocks[n] != nil {
		p.blocks[n].Release()
		p.blocks[n], p.good[n] = nil, false
		p.here--
		a.blocks--
	}
}

// Judge verifies blocks first up to and without end of a piece that is coming in,
// as far as they are here and their leaves known. Read gives the good ones from
// now on; the false ones are dropped, to be fetched again.
func (a *Assembly) Judge(piece, first, end int, leaves []metainfo.Hash256) (out []False) {
	p := a.partial[piece]
	if p == nil {
		return nil
	}
	for n := first; n < min(end, len(leaves)); n++ {
		if p.blocks[n] == nil || p.good[n] || leaves[n].IsZero() {
			continue
		}
		bytes := p.blocks[n].Bytes()
		if sha256.Sum256(bytes) == leaves[n] {
			p.good[n] = true
			continue
		}
		out = append(out, False{p.from[n], picker.Block{Piece: piece, N: n}, int64(len(bytes)), "sent a block that does not verify"})
		a.remove(p, n)
	}
	return out
}

// Take hands over a piece that has come whole, to be verified.
func (a *Assembly) Take(piece int) *Job {
	p := a.partial[piece]
	delete(a.partial, piece)
	a.blocks -= p.here
	return &Job{Piece: piece, Data: Span{0, p.blocks}, From: p.from}
}

// Good takes a piece that has verified, which is being written from now on until
// Stored. If it came false before it returns those who sent what differs.
func (a *Assembly) Good(j *Job) (out []False) {
	a.writing[j.Piece] = j
	s := a.suspects[j.Piece]
	if s == nil {
		return nil
	}
	delete(a.suspects, j.Piece)
	for n, b := range j.Data.Bytes() {
		if sha256.Sum256(b) != s.hashes[n] {
			out = append(out, False{s.from[n], picker.Block{Piece: j.Piece, N: n}, int64(len(b)), "sent a block that differs from the verified one"})
		}
	}
	return out
}

// Reopen takes back a piece of which leaves have proven some blocks false: those
// are dropped, to be fetched again, and the others stay.
func (a *Assembly) Reopen(j *Job, now time.Time) (out []False) {
	for n, buf := range j.Data.Blocks {
		b := picker.Block{Piece: j.Piece, N: n}
		if !slices.Contains(j.Bad, n) {
			a.Add(b, len(j.Data.Blocks), buf, j.From[n], now)
			continue
		}
		out = append(out, False{j.From[n], b, int64(len(buf.Bytes())), "sent a block that does not verify"})
		buf.Release()
	}
	return out
}

// Failed drops a piece that did not verify. If one peer sent all of it, it is
// returned, and true; otherwise it is not known who did: the piece is to be
// fetched again, best from one peer, and Good compares.
func (a *Assembly) Failed(j *Job) (f False, known bool) {
	defer j.Data.Release()
	blocks := j.Data.Bytes()
	if !slices.ContainsFunc(j.From, func(id int) bool { return id != j.From[0] }) {
		size := int64(0)
		for _, b := range blocks {
			size += int64(len(b))
		}
		return False{j.From[0], picker.Block{Piece: j.Piece}, size, "sent a piece that does not verify"}, true
	}
	if a.suspects[j.Piece] == nil {
		s := &suspects{from: j.From}
		for _, b := range blocks {
			s.hashes = append(s.hashes, sha256.Sum256(b))
		}
		a.suspects[j.Piece] = s
	}
	return False{}, false
}

// Stored lets go of a piece that the storage has now.
func (a *Assembly) Stored(j *Job) {
	a.written(j)
	j.Data.Release()
}

// written ends the writing of a piece. Another copy of it may be in writing.
func (a *Assembly) written(j *Job) {
	if a.writing[j.Piece] == j {
		delete(a.writing, j.Piece)
	}
}

// Refused keeps a piece that the storage did not take, so that its readers are
// not sent to the network again at once: maxRefused of them, the newest.
func (a *Assembly) Refused(j *Job) {
	a.written(j)
	if old, ok := a.refused[j.Piece]; ok {
		old.Release()
		a.order = slices.DeleteFunc(a.order, func(i int) bool { return i == j.Piece })
	}
	a.refused[j.Piece] = j.Data
	a.order = append(a.order, j.Piece)
	if len(a.order) > maxRefused {
		a.refused[a.order[0]].Release()
		delete(a.refused, a.order[0])
		a.order = a.order[1:]
	}
}

// Drop forgets what has come of a piece.
func (a *Assembly) Drop(piece int) {
	if p := a.partial[piece]; p != nil {
		for n := range p.blocks {
			a.remove(p, n)
		}
		delete(a.partial, piece)
	}
}

// Squeeze drops the partial pieces that were of use longest ago, while there
// is too much of them, none that is needed, and returns them.
func (a *Assembly) Squeeze(needed func(piece int) bool) (dropped []int) {
	for a.blocks > maxPartial {
		oldest := -1
		for i, p := range a.partial {
			if (oldest < 0 || p.used.Before(a.partial[oldest].used)) && !needed(i) {
				oldest = i
			}
		}
		if oldest < 0 {
			break
		}
		a.Drop(oldest)
		dropped = append(dropped, oldest)
	}
	return dropped
}

// Clear lets go of everything but what is being written, which its writer still
// reads: Stored lets go of that.
func (a *Assembly) Clear() {
	for i := range a.partial {
		a.Drop(i)
	}
	for i, s := range a.refused {
		s.Release()
		delete(a.refused, i)
	}
}
