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

// faultLog remembers which faults were logged. Those that keep pieces from
// being stored are a state: they are logged when it begins, and its end is.
type faultLog struct {
	mu     sync.Mutex // not Store.mu: faults are noted with and without it
	last   map[string]int64
	silent map[string]int
	cause  error // why the last piece could not be stored; nil: it could
	told   bool  // the log says that pieces cannot be stored
	lost   int   // pieces that were not stored since
}

// next reports whether a fault of that kind is to be logged now, and how many
// have not been since the last one that was.
func (l *faultLog) next(kind string, now int64) (silent int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.due(kind, now)
}

// due is next with mu held.
func (l *faultLog) due(kind string, now int64) (silent int, ok bool) {
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

// refused notes that a piece could not be stored, and reports whether that is
// to be logged: once until one can, or the cause is another.
func (l *faultLog) refused(kind string, err error, now int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	same := l.cause != nil && kindOf(l.cause) == kind
	l.cause = err
	l.lost++
	if l.told && same {
		return false
	}
	_, ok := l.due("store: "+kind, now)
	l.told = l.told || ok
	return ok
}

// stored notes that a piece was stored, and reports whether the log is to say
// that this is possible again, and how many pieces were not stored before.
func (l *faultLog) stored() (lost int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lost, ok = l.lost, l.told
	l.cause, l.told, l.lost = nil, false, 0
	return lost, ok
}

func (l *faultLog) trouble() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// kindOf tells errors apart that are logged apart.
func kindOf(err error) string {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, ErrNoRoom):
		return "no room"
	case errors.Is(err, ErrTooLarge):
		return "too large"
	}
	return ""
}

// fault logs that doing op met err, once a minute a kind of either.
func (s *Store) fault(op string, err error) {
	if silent, ok := s.faults.next(op+": "+kindOf(err), s.now()); ok {
		s.log.Warn("cache fault", "op", op, "err", err, "unlogged", silent)
	}
}

// refused notes that err kept a piece from being stored.
func (s *Store) refused(err error) {
	if s.faults.refused(kindOf(err), err, s.now()) {
		s.log.Warn("cache takes no more pieces; reads go on without it", "dir", s.cfg.Dir, "err", err)
	}
}

// stored notes that a piece was stored.
func (s *Store) stored() {
	if lost, ok := s.faults.stored(); ok {
		s.log.Warn("cache takes pieces again", "dir", s.cfg.Dir, "not stored meanwhile", lost)
	}
}

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
