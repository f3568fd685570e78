package peer

import (
	"io"
	"net"

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

// scatter reads from a connection, into several frames at once where it can.
// It belongs to the reading goroutine.
type scatter struct {
	net    net.Conn
	pool   *Pool
	vec    *vector // nil: the connection cannot read into several buffers
	frames [maxFrames]frame
	used   int // frames that the last read might have filled
	iov    [][]byte
	back   []byte // bytes that were no frame, to be read again
}

// Read is the connection as the buffered reader sees it.
func (s *scatter) Read(p []byte) (int, error) {
	if len(s.back) == 0 {
		return s.net.Read(p)
	}
	n := copy(p, s.back)
	if s.back = s.back[n:]; len(s.back) == 0 {
		s.back = nil
	}
	return n, nil
}

// fill reads once, into p and then into up to n frames.
func (s *scatter) fill(p []byte, n int) (int, error) {
	s.used = 0
	if len(s.back) > 0 || s.vec == nil || n <= 0 {
		return s.Read(p)
	}
	s.used = min(n, maxFrames)
	s.iov = append(s.iov[:0], p)
	for i := range s.frames[:s.used] {
		f := &s.frames[i]
		if f.buf == nil {
			f.buf = s.pool.Get(hashing.BlockSize)
		}
		s.iov = append(s.iov, f.head[:], f.buf.Bytes())
	}
	got, err := s.vec.read(s.iov)
	if got == 0 && err == nil {
		err = io.EOF
	}
	return got, err
}

// take returns the block that frame i, filled with up to n bytes, holds or has
// begun to hold. A nil buffer means that it is something else, which is read
// again.
func (s *scatter) take(i, n int) (b wire.Block, buf *Buffer, err error) {
	f := &s.frames[i]
	if !f.isBlock(n) {
		s.putBack(i, n)
		return b, nil, nil
	}
	if b, err = wire.ParsePieceHeader(f.head[frameHead-wire.PieceHeaderLen:], hashing.BlockSize); err != nil {
		return b, nil, err
	}
	buf, f.buf = f.buf, nil
	return b, buf, nil
}

// isBlock reports whether a frame, filled with up to n bytes, begins with the
// header of a whole block.
func (f *frame) isBlock(n int) bool {
	return n >= frameHead && wire.ParsePrefix(f.head[:]) == 1+wire.PieceHeaderLen+hashing.BlockSize &&
		f.head[wire.PrefixLen] == wire.MsgPiece
}

// putBack makes n bytes, which were read into the frames from i on, the next
// that are read.
func (s *scatter) putBack(i, n int) {
	s.back = make([]byte, 0, n)
	for ; n > 0; i++ {
		for _, part := range [][]byte{s.frames[i].head[:], s.frames[i].buf.Bytes()} {
			part = part[:min(len(part), n)]
			s.back = append(s.back, part...)
			n -= len(part)
		}
	}
}

// free gives the frames' buffers back.
func (s *scatter) free() {
	for i := range s.frames {
		if f := &s.frames[i]; f.buf != nil {
			f.buf.Release()
			f.buf = nil
		}
	}
	clear(s.iov[:cap(s.iov)])
}
