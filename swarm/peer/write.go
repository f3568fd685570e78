package peer

import (
	"time"

	"p2pfs/swarm/wire"
)

// writer is the state of the writing goroutine.
type writer struct {
	*Conn
	control []byte // swapped with the outbox's
	blocks  []wire.Block
	limit   share
	vec     *vector // nil: the connection is no socket
}

func (c *Conn) write() error {
	w := &writer{Conn: c, limit: share{limiter: c.Up}, vec: newVector(c.Net)}
	defer w.limit.drop()
	idle := time.NewTimer(keepAlive)
	defer idle.Stop()
	for {
		allowed := w.allow()
		if w.take() {
			if err := w.send(); err != nil {
				return err
			}
			idle.Reset(keepAlive)
			continue
		}
		select {
		case <-c.done:
			return ErrClosed
		case <-c.wake:
		case <-allowed:
			w.limit.ready()
		case <-idle.C:
			c.Send(wire.AppendKeepAlive)
			idle.Reset(keepAlive)
		}
	}
}

// allow asks the limit for the next blocks' turn, if one waits. It returns a
// channel that tells when the turn has come, nil if none is waited for.
func (w *writer) allow() <-chan time.Time {
	if w.limit.limiter == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.uploads) == 0 { // nobody wants what may have been granted
		w.limit.drop()
		return nil
	}
	if n, _ := w.fit(w.limit.granted); n > 0 { // its turn has come, though it may be short
		return nil
	}
	n, size := w.fit(w.limit.turn())
	if n == 0 { // longer than a turn
		size = w.uploads[0].Length
	}
	return w.limit.need(size)
}

// fit is how many of the waiting blocks one write takes, and their bytes: at
// most max if there is a limit. The caller holds mu.
func (w *writer) fit(max int) (n, size int) {
	for n < min(len(w.uploads), uploadBatch) {
		next := size + w.uploads[n].Length
		if w.limit.limiter != nil && next > max {
			break
		}
		n, size = n+1, next
	}
	return n, size
}

// take moves what is to be sent next out of the outbox.
func (w *writer) take() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.control, w.Conn.control = w.Conn.control, w.control[:0]
	if cap(w.Conn.control) > 64<<10 {
		w.Conn.control = nil
	}
	n, _ := w.fit(w.limit.granted)
	w.blocks = append(w.blocks[:0], w.uploads[:n]...)
	w.uploads = append(w.uploads[:0], w.uploads[n:]...)
	return len(w.control) > 0 || n > 0
}
