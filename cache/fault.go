package cache

import (
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"syscall"
	"time"
)

// faultEvery is how often a kind of fault is logged at most.
const faultEvery = int64(time.Minute)

// faultLog remembers which faults were logged. Those that keep pieces from
// being stored are a state: they are logged when it begins, and its end is.
type faultLog struct {
	log *slog.Logger
	dir string       // as the log names it
	now func() int64 // Unix nanoseconds

	mu     sync.Mutex // guards what follows
	last   map[string]int64
	silent map[string]int
	cause  error // why the last piece could not be stored; nil: it could
	told   bool  // the log says that pieces cannot be stored
	lost   int   // pieces that were not stored since
}

// note logs that doing op met err, once a minute a kind of either.
func (l *faultLog) note(op string, err error) {
	l.mu.Lock()
	silent, ok := l.due(op+": "+kindOf(err), l.now())
	l.mu.Unlock()
	if ok {
		l.log.Warn("cache fault", "op", op, "err", err, "unlogged", silent)
	}
}

// due reports whether a fault of that kind is to be logged now, and how many
// have not been since the last one that was. mu is held.
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

// refused notes that err kept a piece from being stored. That is logged once
// until one can be, or the cause is another.
func (l *faultLog) refused(err error) {
	kind := kindOf(err)
	l.mu.Lock()
	same := l.cause != nil && kindOf(l.cause) == kind
	l.cause = err
	l.lost++
	tell := false
	if !l.told || !same {
		_, tell = l.due("store: "+kind, l.now())
		l.told = l.told || tell
	}
	l.mu.Unlock()
	if tell {
		l.log.Warn("cache takes no more pieces; reads go on without it", "dir", l.dir, "err", err)
	}
}

// stored notes that a piece was stored, and logs that this is possible again.
func (l *faultLog) stored() {
	l.mu.Lock()
	lost, tell := l.lost, l.told
	l.cause, l.told, l.lost = nil, false, 0
	l.mu.Unlock()
	if tell {
		l.log.Warn("cache takes pieces again", "dir", l.dir, "not stored meanwhile", lost)
	}
}

// trouble is why the last piece could not be stored; nil if it could.
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

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
