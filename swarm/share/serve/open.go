package serve

import (
	"container/list"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
)

const (
	maxOpen  = 128         // descriptors kept for serving
	idleOpen = time.Minute // an unused one is kept for so long
)

// openSet is a bounded set of open files, by ID, so that a renamed file stays
// open. Safe for concurrent use; its lock is held for map operations only.
type openSet struct {
	mu     sync.Mutex
	limit  int // what is in use counts, but is never closed
	files  map[inode.ID]*openFile
	order  *list.List // of *openFile, most recently used in front
	closed bool
}

// openFile is a file open for serving. refs, used, elem and gone are guarded
// by openSet.mu.
type openFile struct {
	e    *published.Entry // as published when it was opened
	path string           // where it was then
	f    *os.File
	refs int
	used time.Time
	elem *list.Element
	gone bool // not in the set any more: closed when refs is 0

	trusted atomic.Int64 // change time under which all bytes are known to be right
	verifier
}

func newOpenSet(limit int) *openSet {
	return &openSet{limit: limit, files: map[inode.ID]*openFile{}, order: list.New()}
}

// take returns an open file of the set, to be released; nil if it is not there.
func (o *openSet) take(id inode.ID) (*openFile, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil, ErrClosed
	}
	of := o.files[id]
	if of != nil {
		o.use(of)
	}
	return of, nil
}

func (o *openSet) use(of *openFile) {
	of.refs++
	o.order.MoveToFront(of.elem)
}

// add takes over an open file, and returns what is to be used in its place.
func (o *openSet) add(e *published.Entry, f *os.File) (*openFile, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		f.Close()
		return nil, ErrClosed
	}
	if other := o.files[e.ID]; other != nil { // somebody was quicker
		f.Close()
		o.use(other)
		return other, nil
	}
	of := &openFile{e: e, path: e.Path(), f: f, refs: 1}
	of.trusted.Store(e.CTime.Load())
	of.elem = o.order.PushFront(of)
	o.files[e.ID] = of
	o.shrink()
	return of, nil
}

// shrink closes the least recently used files that are not in use, until the
// limit is kept.
func (o *openSet) shrink() {
	for e := o.order.Back(); e != nil && len(o.files) > o.limit; {
		of := e.Value.(*openFile)
		e = e.Prev()
		if of.refs == 0 {
			o.remove(of)
		}
	}
}

// remove takes a file out of the set.
func (o *openSet) remove(of *openFile) {
	if of.gone {
		return
	}
	of.gone = true
	delete(o.files, of.e.ID)
	o.order.Remove(of.elem)
	if of.refs == 0 {
		of.f.Close()
	}
}

func (o *openSet) release(of *openFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	of.refs--
	of.used = time.Now()
	switch {
	case of.refs > 0:
	case of.gone:
		of.f.Close()
	case len(o.files) > o.limit:
		o.shrink()
	}
}

// discard takes a file that has changed out of the set.
func (o *openSet) discard(of *openFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.remove(of)
}

// expire closes what has not been used of late.
func (o *openSet) expire(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, of := range o.files {
		if of.refs == 0 && now.Sub(of.used) > idleOpen {
			o.remove(of)
		}
	}
}

// close closes all files; those in use when they are released.
func (o *openSet) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	for _, of := range o.files {
		o.remove(of)
	}
}
