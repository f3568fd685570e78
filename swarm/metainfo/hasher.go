package metainfo

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// FileHashes is what one pass over a file yields for both versions.
type FileHashes struct {
	Length, PieceLength int64
	Pieces              []Hash    // version 1
	Layer               []Hash256 // version 2 piece layer; nil for a file of at most a piece
	Root                Hash256   // version 2 pieces root; zero for an empty file
}

// HashConfig says what a Hasher computes.
type HashConfig struct {
	PieceLength int64 // bytes; with version 2 a power of two, at least BlockSize
	Length      int64 // expected, in bytes; 0 where it is not known. Saves memory for small files
	OnlyV1      bool  // leave out Layer and Root; PieceLength may then be odd
	OnlyV2      bool  // leave out Pieces
	PadV1       bool  // hash the last piece as if a pad file filled it up (hybrids)
}

func (cfg HashConfig) check() error {
	pl := cfg.PieceLength
	if pl < 1 || pl > MaxPieceLength || !cfg.OnlyV1 && (pl < BlockSize || pl&(pl-1) != 0) {
		return fmt.Errorf("piece length %d cannot be hashed", pl)
	}
	if cfg.OnlyV1 && cfg.OnlyV2 {
		return errors.New("neither version to be hashed")
	}
	return nil
}

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

// Hasher hashes one file as it streams by: SHA-1 of pieces and SHA-256 of
// blocks in one pass, on all cores. Its memory is some chunks of 1 MiB, more
// of them the longer a piece is, at most 64 (or two a core), besides the
// hashes themselves. Write and Sum are for one goroutine, which blocks while
// all chunks are at work; Close must follow if Sum was not called.
type Hasher struct {
	cfg      HashConfig
	chunkLen int    // of a full chunk
	cur      *chunk // being filled
	length   int64
	done     []*chunk // in order; their buffers are gone
	long     []*longPiece
	free     chan []byte
	made     int // buffers
	jobs     chan *chunk
	wg       sync.WaitGroup
	ended    bool
}

// longPiece is a piece of several chunks, whose SHA-1 is taken by a goroutine
// of its own; the chunks' roots with it.
type longPiece struct {
	in  chan *chunk
	sum Hash
}

// NewHasher returns a Hasher for one file.
func NewHasher(cfg HashConfig) (*Hasher, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	h := &Hasher{cfg: cfg, chunkLen: chunkSize}
	if cfg.PieceLength <= chunkSize {
		h.chunkLen = int(chunkSize / cfg.PieceLength * cfg.PieceLength)
	}
	return h, nil
}

// isLong reports whether a piece takes several chunks.
func (h *Hasher) isLong() bool { return h.cfg.PieceLength > chunkSize }

// Write adds bytes of the file. It fails only after Sum or Close.
func (h *Hasher) Write(p []byte) (int, error) {
	if h.ended {
		return 0, errors.New("write to a Hasher that has ended")
	}
	n := len(p)
	for len(p) > 0 {
		room := h.room()
		k := copy(room, p)
		h.advance(k)
		p = p[k:]
	}
	return n, nil
}

// target returns how long the current chunk grows: where pieces are longer, it
// ends where its piece does.
func (h *Hasher) target() int {
	if !h.isLong() {
		return h.chunkLen
	}
	begin := h.length - int64(len(h.cur.buf))
	return int(min(int64(h.chunkLen), h.cfg.PieceLength-begin%h.cfg.PieceLength))
}

// room returns where the next bytes of the file belong; never empty.
func (h *Hasher) room() []byte {
	if h.cur == nil {
		h.cur = &chunk{buf: h.buffer()}
	}
	have := len(h.cur.buf)
	if have == cap(h.cur.buf) { // it was cut for a shorter file
		h.cur.buf = append(make([]byte, 0, h.chunkLen), h.cur.buf...)
	}
	return h.cur.buf[have:min(h.target(), cap(h.cur.buf))]
}

// advance says that n bytes were put into room.
func (h *Hasher) advance(n int) {
	h.cur.buf = h.cur.buf[:len(h.cur.buf)+n]
	h.length += int64(n)
	if n := len(h.cur.buf); n > 0 && n == h.target() {
		h.dispatch()
	}
}

// buffer returns an empty buffer, waiting for one where all are at work.
func (h *Hasher) buffer() []byte {
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
	if h.made == 1 && h.cfg.Length > 0 {
		size = int(min(int64(size), h.cfg.Length))
	}
	return make([]byte, 0, size)
}

// start starts the workers, once there is more than one chunk's work.
func (h *Hasher) start() {
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
func (h *Hasher) dispatch() {
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
func (h *Hasher) newPiece() {
	h.endPiece()
	in := make(chan *chunk, ceilDiv(h.cfg.PieceLength, chunkSize)+1)
	p := &longPiece{in: in}
	h.long = append(h.long, p)
	h.wg.Go(func() { p.sum = h.sumLong(in) })
}

func (h *Hasher) endPiece() {
	if n := len(h.long); n > 0 && h.long[n-1].in != nil {
		close(h.long[n-1].in)
		h.long[n-1].in = nil
	}
}

// release gives the buffer back.
func (h *Hasher) release(c *chunk) {
	b := c.buf
	c.buf = nil
	h.free <- b
}

// Close ends the workers and drops what was hashed. After Sum it does
// nothing.
func (h *Hasher) Close() {
	if h.ended {
		return
	}
	h.ended = true
	h.endPiece()
	if h.jobs != nil {
		close(h.jobs)
		h.wg.Wait()
	}
}

// Sum waits for the workers and returns the hashes. Nothing can be written
// afterwards.
func (h *Hasher) Sum() (FileHashes, error) {
	if h.ended {
		return FileHashes{}, errors.New("sum of a Hasher that has ended")
	}
	if c := h.cur; c != nil && len(c.buf) > 0 {
		if h.jobs == nil && !h.isLong() { // small: nothing to share out
			h.work(c)
			h.done = append(h.done, c)
		} else {
			h.dispatch()
		}
	}
	h.Close()
	out := FileHashes{Length: h.length, PieceLength: h.cfg.PieceLength}
	if ceilDiv(h.length, h.cfg.PieceLength) > MaxPieces {
		return out, fmt.Errorf("%d bytes are more than %d pieces of %d", h.length, MaxPieces, h.cfg.PieceLength)
	}
	if !h.cfg.OnlyV2 {
		out.Pieces = h.pieces()
	}
	if !h.cfg.OnlyV1 && h.length > 0 {
		out.Root, out.Layer = h.tree()
	}
	return out, nil
}
