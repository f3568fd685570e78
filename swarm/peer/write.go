package peer

import (
	"fmt"
	"time"

	"p2pfs/swarm/wire"
)

// uploadBatch is how many blocks are sent by one write.
const uploadBatch = 16

// writer is the state of the writing goroutine.
type writer struct {
	*Conn
	control []byte // swapped with the outbox's
	blocks  []wire.Block
	buf     []byte
}

func (c *Conn) write() error {
	w := &writer{Conn: c}
	idle := time.NewTimer(keepAlive)
	defer idle.Stop()
	for {
		if w.take() {
			if err := w.send(); err != nil {
				return err
			}
			idle.Reset(keepAlive)
			continue
		}
		w.buf = nil // an idle connection holds no buffer
		select {
		case <-c.done:
			return ErrClosed
		case <-c.wake:
		case <-idle.C:
			c.Send(wire.AppendKeepAlive)
			idle.Reset(keepAlive)
		}
	}
}

// take moves what is to be sent next out of the outbox.
func (w *writer) take() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.control, w.Conn.control = w.Conn.control, w.control[:0]
	if cap(w.Conn.control) > 64<<10 {
		w.Conn.control = nil
	}
	n := min(len(w.uploads), uploadBatch)
	w.blocks = append(w.blocks[:0], w.uploads[:n]...)
	w.uploads = append(w.uploads[:0], w.uploads[n:]...)
	return len(w.control) > 0 || n > 0
}

// send writes control messages first, so that no have and no choke waits
// behind data.
func (w *writer) send() error {
	out := w.control
	payload := 0
	if len(w.blocks) > 0 {
		w.buf = append(w.buf[:0], w.control...)
		for _, b := range w.blocks {
			n, err := w.block(b)
			if err != nil {
				return err
			}
			payload += n
		}
		out = w.buf
	}
	nc := w.Net
	nc.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := nc.Write(out); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	w.sent.Add(int64(payload))
	return nil
}

// block appends one piece message to buf, or a reject when its data is not
// there any more.
func (w *writer) block(b wire.Block) (int, error) {
	start := len(w.buf)
	w.buf = wire.AppendPieceHeader(w.buf, b.Index, b.Begin, b.Length)
	data := len(w.buf)
	for cap(w.buf) < data+b.Length {
		w.buf = append(w.buf[:cap(w.buf)], 0)
	}
	w.buf = w.buf[:data+b.Length]
	err := w.Source.ReadBlock(w.buf[data:], b)
	if err == nil {
		return b.Length, nil
	}
	w.buf = w.buf[:start]
	if !w.Fast {
		return 0, fmt.Errorf("upload: %w", err)
	}
	w.buf = wire.AppendReject(w.buf, b)
	return 0, nil
}
