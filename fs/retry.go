//go:build linux

package fs

import (
	"slices"
	"sync"
	"time"
)

// The kernel reads ahead, and when that fails it asks once more, for the page
// it needs. A program that has waited for the whole of a read timeout would
// then wait for a second one, so the answer is remembered for that question.

const (
	slowFailure = 250 * time.Millisecond // what failed sooner may fail again
	retryWindow = 250 * time.Millisecond // the kernel's question comes at once
	maxFailures = 16                     // remembered by a handle
)

// failures are reads of one handle that failed after a wait. The zero value is
// ready.
type failures struct {
	mu   sync.Mutex
	list []failure // guarded by mu, oldest first
}

type failure struct {
	off, end int64
	err      error
	at       time.Time
}

// add remembers that n bytes at off could not be read.
func (f *failures) add(off int64, n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) >= maxFailures {
		f.list = slices.Delete(f.list, 0, 1)
	}
	f.list = append(f.list, failure{off, off + int64(n), err, time.Now()})
}

// take returns the error of a read of off that failed just now, once.
func (f *failures) take(off int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, l := range f.list {
		if l.off <= off && off < l.end && time.Since(l.at) <= retryWindow {
			f.list = slices.Delete(f.list, i, i+1)
			return l.err
		}
	}
	return nil
}
