package durable

import (
	"log/slog"
	"sync"
	"time"
)

// pause is how long Later lets files gather between writes.
const pause = 50 * time.Millisecond

// maxWaiting is how many files may wait; then Put waits itself.
const maxWaiting = 256

// Later writes files durably, soon, for those who cannot wait for a disk: one
// goroutine, which lives while there is something to write, and one write for
// many Puts of a path. Safe for concurrent use.
type Later struct {
	log *slog.Logger

	mu      sync.Mutex // guards what follows
	idle    *sync.Cond // waiting has become empty, or shorter than maxWaiting
	waiting map[string]func() ([]byte, error)
	running bool
	closed  bool
	hurry   chan struct{} // closed by Close
}

// NewLater makes one. Failures are logged.
func NewLater(log *slog.Logger) *Later {
	l := &Later{log: log, waiting: map[string]func() ([]byte, error){}, hurry: make(chan struct{})}
	l.idle = sync.NewCond(&l.mu)
	return l
}

// Put has what content returns then written to path, in mode 0600. It waits for
// the disk only where many files wait, or after Close.
func (l *Later) Put(path string, content func() ([]byte, error)) {
	l.mu.Lock()
	for len(l.waiting) >= maxWaiting && l.waiting[path] == nil {
		l.idle.Wait()
	}
	l.waiting[path] = content
	start, closed := !l.running, l.closed
	l.running = true
	l.mu.Unlock()
	switch {
	case start && closed:
		l.run()
	case start:
		go l.run()
	}
}

// Close waits until all is written.
func (l *Later) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.hurry)
	}
	for l.running {
		l.idle.Wait()
	}
	return nil
}

// run writes what waits, until nothing does.
func (l *Later) run() {
	for {
		l.mu.Lock()
		batch := l.waiting
		l.waiting = map[string]func() ([]byte, error){}
		l.running = len(batch) > 0
		l.idle.Broadcast()
		l.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for path, content := range batch {
			data, err := content()
			if err == nil {
				err = WriteFile(path, data, 0o600)
			}
			if err != nil {
				l.log.Warn("state not written", "path", path, "err", err)
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-l.hurry:
			timer.Stop()
		}
	}
}
