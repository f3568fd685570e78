package hashing

import (
	"runtime"
	"sync"
)

// chunkSize is the unit of work, and of memory: some whole pieces, or a part
// of a longer one.
const (
	chunkSize = 1 << 20
	maxChunks = 64
)

// chunk is a buffer on its way through the workers.
type chunk struct {
	buf   []byte
	nodes []Hash256 // roots of its pieces; of the chunk itself where pieces are longer
	sums  []Hash    // of its pieces, where they are no longer
}

// hasher hashes one file as it streams by. Its methods are for one goroutine,
// which blocks while all chunks are at work; close must follow.
type hasher struct {
	cfg      Config
	chunkLen int    // of a full chunk
	cur      *chunk // being filled
	length   int64
	done     []*chunk // in order; their buffers are gone
	long     []*longPiece
	free     chan []byte
	made     int // buffers
	jobs     chan *chunk
	wg       sync.WaitGroup
}

// longPiece is a piece of several chunks, whose SHA-1 is taken by a goroutine
// of its own; the chunks' roots with it.
type longPiece struct {
	in  chan *chunk
	sum Hash
}

func newHasher(cfg Config) *hasher {
	h := &hasher{cfg: cfg, chunkLen: chunkSize}
	if cfg.PieceLength <= chunkSize {
		h.chunkLen = int(chunkSize / cfg.PieceLength * cfg.PieceLength)
	}
	return h
}

// isLong reports whether a piece takes several chunks.
func (h *hasher) isLong() bool { return h.cfg.PieceLength > chunkSize }

// target returns how long the current chunk grows: where pieces are longer, it
// ends where its piece does.
func (h *hasher) target() int {
	if !h.isLong() {
		return h.chunkLen
	}
	begin := h.length - int64(len(h.cur.buf))
	return int(min(int64(h.chunkLen), h.cfg.PieceLength-begin%h.cfg.PieceLength))
}

// room returns where the next bytes of the file belong; empty at its end only.
func (h *hasher) room() []byte {
	if h.cur == nil {
		h.cur = &chunk{buf: h.buffer()}
	}
	have := len(h.cur.buf)
	return h.cur.buf[have:min(h.target(), cap(h.cur.buf))]
}

// advance says that n bytes were put into room.
func (h *hasher) advance(n int) {
	h.cur.buf = h.cur.buf[:len(h.cur.buf)+n]
	h.length += int64(n)
	if n := len(h.cur.buf); n > 0 && n == h.target() {
		h.dispatch()
	}
}

// buffer returns an empty buffer, waiting for one where all are at work.
func (h *hasher) buffer() []byte {
	select {
	case b := <-h.free:
		return b[:0]
	default:
	}
	if h.made > 0 && h.made >= cap(h.free) {
		return (<-h.free)[:0]
	}
	h.made++
	size := h.chunkLen
	if h.made == 1 {
		size = int(min(int64(size), h.cfg.Length))
	}
	return make([]byte, 0, size)
}

// start starts the workers, once there is more than one chunk's work.
func (h *hasher) start() {
	cores := runtime.GOMAXPROCS(0)
	n := min(int(h.cfg.PieceLength/chunkSize)*cores, maxChunks)
	n = max(n, 2*cores+2)
	h.free = make(chan []byte, n)
	h.jobs = make(chan *chunk, n)
	for range cores {
		h.wg.Go(func() {
			for c := range h.jobs {
				d := h.second()
				if d == nil {
					h.work(c)
				} else {
					h.workPair(c, d)
					h.release(d)
				}
				h.release(c)
			}
		})
	}
}

// dispatch hands the current chunk to the workers.
func (h *hasher) dispatch() {
	if h.jobs == nil {
		h.start()
	}
	c := h.cur
	h.cur = nil
	h.done = append(h.done, c)
	if !h.isLong() || h.cfg.OnlyV2 {
		h.jobs <- c
		return
	}
	begin := h.length - int64(len(c.buf))
	if begin%h.cfg.PieceLength == 0 {
		h.newPiece()
	}
	h.long[len(h.long)-1].in <- c // has room for all chunks of a piece
}

// newPiece starts the goroutine for the next piece, and ends the one before.
func (h *hasher) newPiece() {
	h.endPiece()
	in := make(chan *chunk, ceilDiv(h.cfg.PieceLength, chunkSize)+1)
	p := &longPiece{in: in}
	h.long = append(h.long, p)
	h.wg.Go(func() { p.sum = h.sumLong(in) })
}

func (h *hasher) endPiece() {
	if n := len(h.long); n > 0 && h.long[n-1].in != nil {
		close(h.long[n-1].in)
		h.long[n-1].in = nil
	}
}

// release gives the buffer back.
func (h *hasher) release(c *chunk) {
	b := c.buf
	c.buf = nil
	h.free <- b
}

// close ends the workers and waits for them; a second one does nothing.
func (h *hasher) close() {
	h.endPiece()
	if h.jobs != nil {
		close(h.jobs)
	}
	h.wg.Wait()
	h.jobs = nil
}

// sum waits for the workers and returns the hashes. Only close may follow.
func (h *hasher) sum() FileHashes {
	if c := h.cur; c != nil && len(c.buf) > 0 {
		if h.jobs == nil && !h.isLong() { // small: nothing to share out
			h.work(c)
			h.done = append(h.done, c)
		} else {
			h.dispatch()
		}
	}
	h.close()
	out := FileHashes{Length: h.length, PieceLength: h.cfg.PieceLength}
	if !h.cfg.OnlyV2 {
		out.Pieces = h.pieces()
	}
	if !h.cfg.OnlyV1 && h.length > 0 {
		out.Root, out.Layer = h.tree()
	}
	return out
}
