package swarm

import (
	"sync"
	"sync/atomic"
	"time"

	"p2pfs/swarm/assembly"
	"p2pfs/swarm/hashing"
)

const (
	// maxHot bounds the bytes of all torrents' hot pieces.
	maxHot = 24 << 20
	// hotFor is how long a hot piece waits to be read.
	hotFor = 10 * time.Second
)

// hot is the pieces that were just verified and that somebody reads in order:
// kept in memory until they are read, so that they need not come back from the
// storage. When there is no room more are not taken, as what comes first is read
// first. It is safe for concurrent use: readers look here without the loop.
type hot struct {
	all *atomic.Int64 // bytes of all torrents' hot pieces

	mu     sync.Mutex // guards pieces
	pieces map[int]hotPiece
}

type hotPiece struct {
	assembly.Span
	since time.Time
}

// add takes a whole verified piece, which it retains.
func (h *hot) add(piece int, s assembly.Span, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.pieces[piece]; ok {
		return
	}
	if h.all.Add(s.Room()) > maxHot {
		h.all.Add(-s.Room())
		return
	}
	if h.pieces == nil {
		h.pieces = map[int]hotPiece{}
	}
	h.pieces[piece] = hotPiece{s.Part(s.First, s.First+len(s.Blocks)), now}
}

// lend returns n bytes of a piece from begin on, if they are here, and appends
// their buffers, which the caller releases, to held. A piece that was read to its
// end is let go of.
func (h *hot) lend(piece int, begin, n int64, parts [][]byte, held []assembly.Buffer) ([][]byte, []assembly.Buffer, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, ok := h.pieces[piece]
	if !ok {
		return parts, held, false
	}
	first, end := int(begin)/hashing.BlockSize, int(begin+n+hashing.BlockSize-1)/hashing.BlockSize
	at := int(begin) % hashing.BlockSize
	for _, b := range p.Blocks[first:end] {
		b.Retain()
		held = append(held, b)
		part := b.Bytes()[at:]
		part = part[:min(len(part), int(n))]
		parts = append(parts, part)
		n, at = n-int64(len(part)), 0
	}
	if end == len(p.Blocks) {
		h.remove(piece)
	}
	return parts, held, true
}

// remove lets go of a piece. The caller holds mu.
func (h *hot) remove(piece int) {
	p := h.pieces[piece]
	delete(h.pieces, piece)
	h.all.Add(-p.Room())
	p.Release()
}

// expire lets go of pieces that were not read in time, all of them with a zero
// time.
func (h *hot) expire(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, p := range h.pieces {
		if now.IsZero() || now.Sub(p.since) > hotFor {
			h.remove(i)
		}
	}
}

// Lend returns n bytes of the file from off on as parts of memory, if all of
// them are there, verified; it does not wait. The parts may be read until release
// is called, once. ok is false otherwise: ReadAt is to be asked.
func (r *Reader) Lend(off int64, n int) (parts [][]byte, release func(), ok bool) {
	c := r.t.content.Load()
	if c == nil || n <= 0 || r.file < 0 || r.file >= len(c.info().Files) {
		return nil, nil, false
	}
	length := c.info().Files[r.file].Length
	if off < 0 || int64(n) > length-off {
		return nil, nil, false
	}
	var held []assembly.Buffer
	release = func() {
		for _, b := range held {
			b.Release()
		}
	}
	for at, left := off, int64(n); left > 0; {
		piece, begin := c.info().Pieces.At(r.file, at)
		k := min(left, int64(c.info().Pieces.Size(piece))-begin)
		if k <= 0 {
			break // never: the file's bytes lie in its pieces
		}
		if parts, held, ok = r.t.hot.lend(piece, begin, k, parts, held); !ok {
			release()
			return nil, nil, false
		}
		at, left = at+k, left-k
	}
	st, ahead := r.follow(c, off, int64(n), length)
	if ahead != nil {
		r.t.post(ahead)
	}
	r.answered(st)
	return parts, release, true
}
