package cache

import (
	"container/heap"
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// entry is one piece in the index. What is not atomic is guarded by table.mu.
type entry struct {
	key     Key          // immutable
	size    int64        // immutable
	use     atomic.Int64 // last use, Unix nanoseconds
	touched atomic.Int64 // last use as it stands on disk

	alloc    int64
	ino      uint64
	mtime    int64
	ctime    int64
	verified bool // the file with this ino, mtime and ctime holds the piece
	handle   *handle
	stamp    int64 // use when lru last looked
	at       int   // position in lru; -1 while pinned
}

// is reports whether in describes the file that the entry was made for.
func (e *entry) is(in info) bool {
	return in.regular && in.size == e.size && in.mtime == e.mtime && in.ctime == e.ctime && in.ino == e.ino
}

// idle reports that nobody reads the piece.
func (e *entry) idle() bool {
	return e.handle == nil || e.handle.refs.Load() == 1
}

// lru is a heap of entries by stamp. A use only sets entry.use, without a
// lock; oldest corrects the stamps that turn out to be stale, so that it
// returns exactly the least recently used.
type lru []*entry

func (l lru) Len() int           { return len(l) }
func (l lru) Less(i, j int) bool { return l[i].stamp < l[j].stamp }

func (l lru) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].at, l[j].at = i, j
}

// Push is heap.Interface's; use add.
func (l *lru) Push(x any) {
	e := x.(*entry)
	e.at = len(*l)
	*l = append(*l, e)
}

// Pop is heap.Interface's; use remove.
func (l *lru) Pop() any {
	old := *l
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*l = old[:len(old)-1]
	e.at = -1
	return e
}

func (l *lru) add(e *entry) {
	e.stamp = e.use.Load()
	heap.Push(l, e)
}

func (l *lru) remove(e *entry) {
	if e.at >= 0 {
		heap.Remove(l, e.at)
	}
}

// oldest returns the least recently used entry, or nil.
func (l *lru) oldest() *entry {
	for len(*l) > 0 {
		e := (*l)[0]
		use := e.use.Load()
		if use == e.stamp {
			return e
		}
		e.stamp = use
		heap.Fix(l, 0)
	}
	return nil
}

// handle is an open file of a verified piece. The table of open files has one
// reference, every reader one more; the last to go closes it.
type handle struct {
	entry *entry
	f     file
	info  info         // when it was verified; its ctime is not looked at
	refs  atomic.Int32 // counted up under table.mu (reading suffices)

	// ctime is the file's change time, which a touch of ours moves: whoever
	// finds another one asks again with touching locked.
	ctime    atomic.Int64
	touching sync.Mutex // held over a touch
}

func newHandle(e *entry, f file, in info) *handle {
	h := &handle{entry: e, f: f, info: in}
	h.refs.Store(1)
	h.ctime.Store(in.ctime)
	return h
}

func (h *handle) unref() {
	if h.refs.Add(-1) == 0 {
		h.f.Close() // only read from
	}
}

// unchanged reports that the file is still as it was when it was verified.
func (h *handle) unchanged() bool {
	in, err := h.f.Info()
	if err != nil || !in.linked || !in.same(h.info) {
		return false
	}
	if in.ctime == h.ctime.Load() {
		return true
	}
	h.touching.Lock()
	defer h.touching.Unlock()
	return h.isStill()
}

// isStill is unchanged with touching held.
func (h *handle) isStill() bool {
	in, err := h.f.Info()
	return err == nil && in.linked && in.same(h.info) && in.ctime == h.ctime.Load()
}

// touchEvery is how often a piece's last use is written to disk at most.
const touchEvery = int64(time.Minute)

// touch writes the last use of the piece to disk, if that was long ago. That
// moves the file's ctime, which is looked at right before and right after: a
// change by somebody else in between would be taken for ours.
func (h *handle) touch(place func() directory, t *table) error {
	e := h.entry
	use, last := e.use.Load(), e.touched.Load()
	if use-last < touchEvery || !e.touched.CompareAndSwap(last, use) {
		return nil
	}
	h.touching.Lock()
	defer h.touching.Unlock()
	if !h.isStill() {
		return nil
	}
	err := place().Touch(pathName(e.key), time.Unix(0, use))
	if isNotExist(err) || errors.Is(err, fs.ErrClosed) {
		err = nil // it is evicted meanwhile
	}
	in, infoErr := h.f.Info()
	if infoErr != nil || !in.same(h.info) {
		return err
	}
	h.ctime.Store(in.ctime)
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.ino == in.ino && e.mtime == in.mtime {
		e.ctime = in.ctime
	}
	return err
}
