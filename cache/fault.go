package cache

import (
	"errors"
	"io/fs"
	"sync"
	"syscall"
	"time"
)

// faultEvery is how often a kind of fault is logged at most.
const faultEvery = int64(time.Minute)

// faultLog remembers when each kind of fault was last logged.
type faultLog struct {
	mu     sync.Mutex // not Store.mu: faults are noted with and without it
	last   map[string]int64
	silent map[string]int
}

// next reports whether a fault of that kind is to be logged now, and how many
// have not been since the last one that was.
func (l *faultLog) next(kind string, now int64) (silent int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, seen := l.last[kind]; seen && now-last < faultEvery {
		l.silent[kind]++
		return 0, false
	}
	if l.last == nil {
		l.last, l.silent = make(map[string]int64), make(map[string]int)
	}
	silent = l.silent[kind]
	l.last[kind] = now
	delete(l.silent, kind)
	return silent, true
}

// fault logs that doing op met err, once a minute a kind of either.
func (s *Store) fault(op string, err error) {
	kind := op
	var errno syscall.Errno
	if errors.As(err, &errno) {
		kind += ": " + errno.Error()
	}
	if silent, ok := s.faults.next(kind, s.now()); ok {
		s.log.Warn("cache fault", "op", op, "err", err, "unlogged", silent)
	}
}

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
