package peer

import (
	"fmt"
	"io"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

const (
	// maxFrames is how many blocks one read takes besides the one that is
	// coming: a quarter of a megabyte.
	maxFrames = 15
	// tail is how many blocks are awaited when each is acknowledged at once.
	tail = 16

	frameHead = wire.PrefixLen + 1 + wire.PieceHeaderLen
)

// A frame is room for a piece message of a whole block, which is likely to
// be the next thing that comes while many are asked for. Reading straight
// into frames spares copying every block out of a read buffer; what turns out
// to be something else is put back.
type frame struct {
	head [frameHead]byte
	buf  *Buffer
}

// scatter is the part of the reader that fills frames.
type scatter struct {
	vec    *vector // nil: the connection cannot read into several buffers
	frames [maxFrames]frame
	used   int // frames that the last read might have filled
	iov    [][]byte
	back   []byte // bytes that were no frame, to be read again
}

// Read is the connection as the buffered reader sees it.
func (r *reader) Read(p []byte) (int, error) {
	if len(r.back) == 0 {
		return r.Net.Read(p)
	}
	n := copy(p, r.back)
	if r.back = r.back[n:]; len(r.back) == 0 {
		r.back = nil
	}
	return n, nil
}

// blocks reads the rest of a block, of which buf has k bytes, and all blocks
// that come with it.
func (r *reader) blocks(b wire.Block, buf *Buffer, k int) error {
	defer r.freeFrames()
	for buf != nil {
		extra, err := r.rest(b, buf, k)
		if err != nil {
			buf.Release()
			return err
		}
		r.deliver(b, buf)
		if b, buf, k, err = r.unpack(extra); err != nil {
			return err
		}
	}
	return nil
}

// rest reads until a block is whole and returns how many bytes came beyond it,
// which are in the frames.
func (r *reader) rest(b wire.Block, buf *Buffer, k int) (extra int, err error) {
	for k < b.Length {
		r.flush()
		if err := r.pay(); err != nil {
			return 0, err
		}
		r.extend()
		n, err := r.fill(buf.Bytes()[k:])
		if err != nil {
			return 0, fmt.Errorf("read: %w", err)
		}
		k += n
	}
	return k - b.Length, nil
}

// fill reads once, into p and then into as many frames as there are blocks
// awaited.
func (r *reader) fill(p []byte) (int, error) {
	r.used = 0
	if len(r.back) > 0 || r.vec == nil || r.limit.limiter != nil {
		return r.Read(p)
	}
	r.used = min(max(0, int(r.expected.Load())-1), maxFrames)
	if r.used == 0 {
		return r.Read(p)
	}
	r.iov = append(r.iov[:0], p)
	for i := range r.frames[:r.used] {
		f := &r.frames[i]
		if f.buf == nil {
			f.buf = r.Pool.Get(hashing.BlockSize)
		}
		r.iov = append(r.iov, f.head[:], f.buf.Bytes())
	}
	n, err := r.vec.read(r.iov)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// unpack hands on the blocks that are whole in the frames, which hold extra
// bytes, and returns the one that has begun to come, if any, and how much of it
// is here.
func (r *reader) unpack(extra int) (b wire.Block, buf *Buffer, k int, err error) {
	for i := range r.frames[:r.used] {
		f := &r.frames[i]
		if extra <= 0 {
			break
		}
		if !f.isBlock(extra) {
			r.putBack(i, extra)
			break
		}
		if b, err = wire.ParsePieceHeader(f.head[frameHead-wire.PieceHeaderLen:], hashing.BlockSize); err != nil {
			return b, nil, 0, err
		}
		buf, f.buf = f.buf, nil
		if extra -= frameHead; extra < hashing.BlockSize {
			return b, buf, extra, nil
		}
		extra -= hashing.BlockSize
		r.deliver(b, buf)
	}
	return b, nil, 0, nil
}

// isBlock reports whether a frame, filled with up to n bytes, begins with the
// header of a whole block.
func (f *frame) isBlock(n int) bool {
	return n >= frameHead && wire.ParsePrefix(f.head[:]) == 1+wire.PieceHeaderLen+hashing.BlockSize &&
		f.head[wire.PrefixLen] == wire.MsgPiece
}

// putBack makes n bytes, which were read into the frames from i on, the next
// that are read.
func (r *reader) putBack(i, n int) {
	r.back = make([]byte, 0, n)
	for ; n > 0; i++ {
		for _, part := range [][]byte{r.frames[i].head[:], r.frames[i].buf.Bytes()} {
			part = part[:min(len(part), n)]
			r.back = append(r.back, part...)
			n -= len(part)
		}
	}
}

// freeFrames gives the frames' buffers back.
func (r *reader) freeFrames() {
	for i := range r.frames {
		if f := &r.frames[i]; f.buf != nil {
			f.buf.Release()
			f.buf = nil
		}
	}
	clear(r.iov[:cap(r.iov)])
}

// deliver hands on a block that has come.
func (r *reader) deliver(b wire.Block, buf *Buffer) {
	r.expected.Add(-1)
	r.received.Add(int64(b.Length))
	r.owed += b.Length
	r.add(Message{ID: wire.MsgPiece, Block: b, Data: buf})
}
