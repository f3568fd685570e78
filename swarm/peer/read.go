package peer

import (
	"bufio"
	"fmt"
	"io"
	"time"

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
	*Conn
	br    *bufio.Reader
	batch []Message
	touch time.Time // when the deadline was last moved
	small [16]byte
	limit share
	owed  int // payload bytes read that the limit does not know of
	scatter
}

func (c *Conn) read() error {
	r := &reader{Conn: c, limit: share{limiter: c.Down}}
	r.br, r.vec = bufio.NewReaderSize(r, readBuffer), newVector(c.Net)
	defer r.flush()
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
		r.flush()
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
	if err := wire.CheckLength(id, n, wire.Limits{Pieces: int(r.pieces.Load())}); err != nil {
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
			r.held.Store(true)
			select {
			case <-allowed:
				r.limit.ready()
			case <-r.done:
				return ErrClosed
			}
			r.held.Store(false)
		}
		r.limit.granted -= n
		r.owed -= n
	}
	return nil
}

// extend is for before each read that may wait. Acknowledging at once costs
// both sides something, and helps only at the end of what was asked for.
func (r *reader) extend() {
	if r.expected.Load() < tail {
		quickAck(r.Net)
	}
	if now := time.Now(); now.Sub(r.touch) > time.Second {
		r.touch = now
		r.Net.SetReadDeadline(now.Add(idleTimeout))
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
	buf := r.Pool.Get(b.Length)
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
	r.add(m)
	return nil
}

func (r *reader) add(m Message) {
	if r.batch == nil {
		select {
		case r.batch = <-r.batches:
		default:
			r.batch = make([]Message, 0, maxBatch)
		}
	}
	r.batch = append(r.batch, m)
	if len(r.batch) == maxBatch {
		r.flush()
	}
}

func (r *reader) flush() {
	if len(r.batch) > 0 {
		batch := r.batch
		r.batch = nil
		r.Handler.Messages(r.Conn, batch)
	}
}
