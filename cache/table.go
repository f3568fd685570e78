package cache

import (
	"math"
	"sync"
	"time"
)

// table is what the store knows of its pieces, and who has claimed which. It
// does no input or output. Its methods want mu held, but for claim, tryClaim and
// unclaim.
type table struct {
	now func() int64 // Unix nanoseconds, never running back; immutable

	mu       sync.RWMutex // guards the fields below; never held across I/O
	closed   bool
	index    map[Key]*entry
	lru      lru                   // but the pinned
	busy     map[Key]chan struct{} // claimed pieces; closed when let go
	pins     map[Key]int           // how often each key is pinned
	files    []*handle             // kept open
	used     int64                 // bytes allocated to pieces
	dying    int64                 // part of used that is being removed
	reserved int64                 // bytes of pieces being written
}

func newTable() *table {
	return &table{
		now:   clock(),
		index: make(map[Key]*entry),
		busy:  make(map[Key]chan struct{}),
		pins:  make(map[Key]int),
	}
}

// clock returns Unix nanoseconds that no change of the wall clock disturbs.
func clock() func() int64 {
	start := time.Now()
	base := start.UnixNano()
	return func() int64 { return base + int64(time.Since(start)) }
}

// claim makes the caller the only one to do I/O on k's file, after waiting
// for whoever does, and returns k's entry or nil. Calls of claim do not nest.
func (t *table) claim(k Key) (*entry, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if t.closed {
			return nil, ErrClosed
		}
		ch := t.busy[k]
		if ch == nil {
			break
		}
		t.mu.Unlock()
		<-ch
		t.mu.Lock()
	}
	t.begin(k)
	return t.index[k], nil
}

// tryClaim is claim if nobody has claimed k; there tells whether its piece is.
func (t *table) tryClaim(k Key) (there, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[k] != nil {
		return false, false
	}
	t.begin(k)
	return t.index[k] != nil, true
}

// unclaim ends a claim.
func (t *table) unclaim(k Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end(k)
}

// fresh is for how long a new file's st_blocks may still be too small: some
// file systems (ZFS) allocate when they write back.
const fresh = int64(time.Minute)

// insert adds a piece, last used at use, to the index.
func (t *table) insert(k Key, in info, use int64, verified bool) {
	e := &entry{key: k, size: in.size, verified: verified, at: -1}
	t.account(e, in)
	use = min(use, t.now())
	e.use.Store(use)
	e.touched.Store(use)
	t.add(e)
}

// account takes over what in says of e's file, and corrects the bytes used by
// what e had been taken to allocate.
func (t *table) account(e *entry, in info) {
	alloc := in.alloc
	if t.now()-in.mtime < fresh {
		alloc = max(alloc, roundUp(in.size))
	}
	t.used += alloc - e.alloc
	e.alloc, e.ino, e.mtime, e.ctime = alloc, in.ino, in.mtime, in.ctime
}

// adopt makes pieces the index, none of which is verified yet.
func (t *table) adopt(pieces []found) {
	t.lru = make(lru, 0, len(pieces))
	for _, p := range pieces {
		t.insert(p.key, p.info, p.info.atime, false)
	}
}

// take takes e out of the index and returns its open file, which the caller
// unrefs after letting go of mu.
func (t *table) take(e *entry) *handle {
	delete(t.index, e.key)
	t.lru.remove(e)
	t.used -= e.alloc
	return t.forget(e)
}

// restore undoes take.
func (t *table) restore(e *entry) {
	t.used += e.alloc
	t.add(e)
}

// add adds e to the index.
func (t *table) add(e *entry) {
	t.index[e.key] = e
	if t.pins[e.key] == 0 {
		t.lru.add(e)
	}
}

// takeVictims claims idle pieces of at least over bytes in all, least
// recently used first, and takes them out of the index. ok is false when
// there are not enough.
func (t *table) takeVictims(over int64) (victims []*entry, ok bool) {
	var skipped []*entry
	for over > 0 {
		e := t.lru.oldest()
		if e == nil {
			break
		}
		t.lru.remove(e)
		if t.busy[e.key] != nil || !e.idle() {
			e.use.Store(t.now()) // in use now
			skipped = append(skipped, e)
			continue
		}
		over -= e.alloc
		t.begin(e.key)
		delete(t.index, e.key)
		t.dying += e.alloc
		victims = append(victims, e)
	}
	for _, e := range skipped {
		t.lru.add(e)
	}
	return victims, over <= 0
}

// putBack undoes what takeVictims did to e.
func (t *table) putBack(e *entry) {
	t.dying -= e.alloc
	t.add(e)
	t.end(e.key)
}

// buried says that the file of a victim is gone.
func (t *table) buried(e *entry) {
	t.dying -= e.alloc
	t.used -= e.alloc
	t.end(e.key)
}

// begin marks k, which nobody has claimed, as claimed.
func (t *table) begin(k Key) { t.busy[k] = make(chan struct{}) }

// end ends a claim.
func (t *table) end(k Key) {
	close(t.busy[k])
	delete(t.busy, k)
}

// anyBusy returns what is closed when one of the claims ends.
func (t *table) anyBusy() chan struct{} {
	for _, ch := range t.busy {
		return ch
	}
	return nil
}

// keepOpen adds h to the open files and returns the one that must go for it,
// without its table reference: the least recently used that nobody reads, or
// h itself.
func (t *table) keepOpen(h *handle) (out *handle) {
	if len(t.files) < maxOpen {
		t.files = append(t.files, h)
		h.entry.handle = h
		return nil
	}
	oldest, at := int64(math.MaxInt64), -1
	for i, o := range t.files {
		if use := o.entry.use.Load(); use < oldest && o.refs.Load() == 1 {
			oldest, at = use, i
		}
	}
	if at < 0 {
		return h
	}
	out = t.files[at]
	out.entry.handle = nil
	t.files[at] = h
	h.entry.handle = h
	return out
}

// forget takes e's open file out of the table and returns it, or nil. The
// caller unrefs it after letting go of mu.
func (t *table) forget(e *entry) *handle {
	h := e.handle
	if h == nil {
		return nil
	}
	e.handle = nil
	for i, o := range t.files {
		if o == h {
			last := len(t.files) - 1
			t.files[i] = t.files[last]
			t.files[last] = nil
			t.files = t.files[:last]
			break
		}
	}
	return h
}

// replace makes pieces, of a directory that took the place of the old one, the
// index. Claimed pieces are left to whoever has claimed them. It returns what
// is gone, claimed, and the open files to be unreferenced.
func (t *table) replace(pieces []found) (gone []Key, files []*handle) {
	for k, e := range t.index {
		if t.busy[k] != nil {
			continue
		}
		if h := t.take(e); h != nil {
			files = append(files, h)
		}
		gone = append(gone, k)
	}
	for _, p := range pieces {
		if t.index[p.key] == nil && t.busy[p.key] == nil {
			t.insert(p.key, p.info, p.info.atime, false)
		}
	}
	missing := gone[:0]
	for _, k := range gone {
		if t.index[k] == nil {
			t.begin(k)
			missing = append(missing, k)
		}
	}
	return missing, files
}
