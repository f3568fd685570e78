package cli

import (
	"io"
	"sync"
	"time"
)

// maxLoose is how many writes wait for a slow reader before more are dropped.
const maxLoose = 1024

// LastWords bounds the wait at the end for what is still to be written.
const LastWords = time.Second

// LooseWriter writes to what may stand still or be gone: a pipe, a terminal
// that was stopped. Whoever writes never waits and is never told; what cannot
// be written is dropped. Safe for concurrent use.
type LooseWriter struct {
	w     io.Writer
	ended chan struct{} // closed when nothing more is written

	mu     sync.Mutex // guards closed, and sending against it
	closed bool
	queue  chan []byte
}

// NewLooseWriter returns a LooseWriter on w, to be closed.
func NewLooseWriter(w io.Writer) *LooseWriter {
	l := &LooseWriter{w: w, ended: make(chan struct{}), queue: make(chan []byte, maxLoose)}
	go func() {
		defer close(l.ended)
		for p := range l.queue {
			l.w.Write(p)
		}
	}()
	return l
}

// Write takes a copy of p. It returns len(p) and nil in any case.
func (l *LooseWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		select {
		case l.queue <- append([]byte(nil), p...):
		default:
		}
	}
	return len(p), nil
}

// Close ends it, and waits that long for what is still to be written.
func (l *LooseWriter) Close(patience time.Duration) {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	l.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-l.ended:
	case <-timer.C:
	}
}
