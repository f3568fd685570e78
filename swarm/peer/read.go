package peer

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/wire"
)

const (
	// readBuffer takes small messages; blocks are read into their own buffers.
	readBuffer = 32 << 10
	// maxBatch bounds the messages handed on at once.
	maxBatch = 64
)

// reader is the state of the reading goroutine.
type reader struct {
	c     *Conn
	in    scatter
	br    *bufio.Reader // over in
	out   batcher
	touch time.Time // when the deadline was last moved
	small [16]byte
	limit share
	owed  int // payload bytes read that the limit does not know of
}

func (c *Conn) read() error {
	r := &reader{c: c, out: batcher{c: c}, limit: share{limiter: c.Down}}
	r.in.net, r.in.pool, r.in.vec = c.Net, c.Pool, newVector(c.Net)
	r.br = bufio.NewReaderSize(&r.in, readBuffer)
	defer r.out.flush()
	defer r.limit.drop()
	for {
		if err := r.one(); err != nil {
			return err
		}
	}
}

// one reads one message. What was read before is handed on first if this
// one may have to wait for bytes.
func (r *reader) one() error {
	if !r.buffered() {
		r.out.flush()
		if err := r.pay(); err != nil {
			return err
		}
		r.extend()
	}
	head, err := r.br.Peek(wire.PrefixLen)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	n := wire.ParsePrefix(head) - 1
	if n < 0 { // a keep-alive
		r.br.Discard(wire.PrefixLen)
		return nil
	}
	if head, err = r.br.Peek(wire.PrefixLen + 1); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	id := head[wire.PrefixLen]
	if err := wire.CheckLength(id, n, wire.Limits{Pieces: int(r.c.pieces.Load())}); err != nil {
		return err
	}
	r.br.Discard(wire.PrefixLen + 1)
	switch {
	case id == wire.MsgPiece:
		return r.piece(int(n))
	case !wire.Known(id):
		_, err := r.br.Discard(int(n))
		return err
	}
	return r.other(id, int(n))
}

// buffered reports whether the next message is here whole.
func (r *reader) buffered() bool {
	have := int64(r.br.Buffered())
	if have < wire.PrefixLen {
		return false
	}
	head, _ := r.br.Peek(wire.PrefixLen)
	return have-wire.PrefixLen >= wire.ParsePrefix(head)
}

// pay waits until the limit allows what was read; meanwhile TCP holds the
// peer back. What is here already was handed on before, so that no message
// waits for payload that came behind it.
func (r *reader) pay() error {
	for r.owed > 0 && r.limit.limiter != nil {
		n := min(r.owed, limitBurst)
		if allowed := r.limit.need(n); allowed != nil {
			r.c.held.Store(true)
			select {
			case <-allowed:
				r.limit.ready()
			case <-r.c.done:
				return ErrClosed
			}
			r.c.held.Store(false)
		}
		r.limit.granted -= n
		r.owed -= n
	}
	return nil
}

// extend is for before each read that may wait. Acknowledging at once costs
// both sides something, and helps only at the end of what was asked for.
func (r *reader) extend() {
	if r.c.expected.Load() < tail {
		quickAck(r.c.Net)
	}
	if now := time.Now(); now.Sub(r.touch) > time.Second {
		r.touch = now
		r.c.Net.SetReadDeadline(now.Add(idleTimeout))
	}
}

func (r *reader) piece(n int) error {
	var head [wire.PieceHeaderLen]byte
	if n < len(head) {
		return &wire.MessageError{ID: wire.MsgPiece, Len: int64(n), Err: wire.ErrLength}
	}
	if _, err := io.ReadFull(r.br, head[:]); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	b, err := wire.ParsePieceHeader(head[:], n-len(head))
	if err != nil {
		return err
	}
	buf := r.c.Pool.Get(b.Length)
	k := min(r.br.Buffered(), b.Length)
	io.ReadFull(r.br, buf.Bytes()[:k])
	return r.blocks(b, buf, k)
}

func (r *reader) other(id byte, n int) (err error) {
	body := r.small[:min(n, len(r.small))]
	if n > len(body) {
		body = make([]byte, n)
	}
	if _, err := io.ReadFull(r.br, body); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	m := Message{ID: id}
	switch id {
	case wire.MsgHave:
		m.Index, err = wire.ParseHave(body)
	case wire.MsgSuggest:
		m.Index, err = wire.ParseSuggest(body)
	case wire.MsgAllowedFast:
		m.Index, err = wire.ParseAllowedFast(body)
	case wire.MsgRequest:
		m.Block, err = wire.ParseRequest(body)
	case wire.MsgCancel:
		m.Block, err = wire.ParseCancel(body)
	case wire.MsgReject:
		m.Block, err = wire.ParseReject(body)
	case wire.MsgChoke, wire.MsgUnchoke, wire.MsgInterested, wire.MsgNotInterested, wire.MsgHaveAll, wire.MsgHaveNone:
		err = wire.ParseEmpty(id, body)
	default:
		if m.Body = body; n <= len(r.small) {
			m.Body = append([]byte(nil), body...)
		}
	}
	if err != nil {
		return err
	}
	r.out.add(m)
	return nil
}

// blocks reads the rest of a block, of which buf has k bytes, and all blocks
// that come with it.
func (r *reader) blocks(b wire.Block, buf *Buffer, k int) error {
	defer r.in.free()
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
// which are in the frames: as many frames as there are blocks awaited.
func (r *reader) rest(b wire.Block, buf *Buffer, k int) (extra int, err error) {
	for k < b.Length {
		r.out.flush()
		if err := r.pay(); err != nil {
			return 0, err
		}
		r.extend()
		frames := 0
		if r.limit.limiter == nil {
			frames = int(r.c.expected.Load()) - 1
		}
		n, err := r.in.fill(buf.Bytes()[k:], frames)
		if err != nil {
			return 0, fmt.Errorf("read: %w", err)
		}
		k += n
	}
	return k - b.Length, nil
}

// unpack hands on the blocks that are whole in the frames, which hold extra
// bytes, and returns the one that has begun to come, if any, and how much of it
// is here.
func (r *reader) unpack(extra int) (b wire.Block, buf *Buffer, k int, err error) {
	for i := 0; i < r.in.used && extra > 0; i++ {
		if b, buf, err = r.in.take(i, extra); err != nil || buf == nil {
			return b, nil, 0, err
		}
		if extra -= frameHead; extra < hashing.BlockSize {
			return b, buf, extra, nil
		}
		extra -= hashing.BlockSize
		r.deliver(b, buf)
	}
	return b, nil, 0, nil
}

// deliver hands on a block that has come.
func (r *reader) deliver(b wire.Block, buf *Buffer) {
	r.c.expected.Add(-1)
	r.c.received.Add(int64(b.Length))
	r.owed += b.Length
	r.out.add(Message{ID: wire.MsgPiece, Block: b, Data: buf})
}

// A batcher hands messages on, many at once.
type batcher struct {
	c     *Conn
	batch []Message
}

func (o *batcher) add(m Message) {
	if o.batch == nil {
		select {
		case o.batch = <-o.c.batches:
		default:
			o.batch = make([]Message, 0, maxBatch)
		}
	}
	o.batch = append(o.batch, m)
	if len(o.batch) == maxBatch {
		o.flush()
	}
}

func (o *batcher) flush() {
	if len(o.batch) > 0 {
		batch := o.batch
		o.batch = nil
		o.c.Handler.Messages(o.c, batch)
	}
}
