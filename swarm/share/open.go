package share

import (
	"container/list"
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"p2pfs/swarm/metainfo"
)

const (
	maxOpen  = 128         // descriptors kept for serving
	idleOpen = time.Minute // an unused one is kept for so long
)

// openFiles is a bounded set of open files, by ident, so that a renamed file
// stays open. Its lock is for readers, who must not wait for the loop; it is
// held for map operations only.
type openFiles struct {
	s      *Share
	mu     sync.Mutex
	limit  int // what is in use counts, but is never closed
	files  map[ident]*openFile
	order  *list.List // of *openFile, most recently used in front
	closed bool
}

// openFile is a file open for serving. refs, used, elem and gone are guarded
// by openFiles.mu.
type openFile struct {
	e    *entry // as published when it was opened
	f    *os.File
	refs int
	used time.Time
	elem *list.Element
	gone bool // not in the set any more: closed when refs is 0

	trusted atomic.Int64 // ctime under which all bytes are known to be right
	verifier
}

func newOpenFiles(s *Share, limit int) *openFiles {
	return &openFiles{s: s, limit: limit, files: map[ident]*openFile{}, order: list.New()}
}

// acquire returns a file with these contents, open, to be released. last is
// what the caller had before: it will do, though it may not be published any
// more.
func (o *openFiles) acquire(c metainfo.Content, last ident) (*openFile, error) {
	if of, err := o.take(last); of != nil || err != nil {
		return of, err
	}
	var problem error = fs.ErrNotExist
	for _, e := range o.s.index.all(c) {
		of, err := o.take(e.id)
		if of == nil && err == nil {
			of, err = o.openEntry(e)
		}
		if of != nil {
			return of, nil
		}
		problem = err
	}
	return nil, problem
}

// take returns an open file of the set, nil if it is not there.
func (o *openFiles) take(id ident) (*openFile, error) {
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

func (o *openFiles) use(of *openFile) {
	of.refs++
	o.order.MoveToFront(of.elem)
}

// openEntry opens a file and adds it.
func (o *openFiles) openEntry(e *entry) (*openFile, error) {
	f, m, err := o.s.openFile(e.Path)
	if err == nil && m.ident != e.id {
		f.Close()
		err = ErrChanged
	}
	if err != nil {
		how := pokeLook
		if errors.Is(err, fs.ErrPermission) {
			how = pokeEntry
		}
		o.s.poke(e, how)
		if missing(err) || errors.Is(err, errStale) {
			err = ErrChanged
		}
		return nil, err
	}
	of := &openFile{e: e, f: f}
	of.trusted.Store(e.ctime.Load())
	return o.add(of)
}

func (o *openFiles) add(of *openFile) (*openFile, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		of.f.Close()
		return nil, ErrClosed
	}
	if other := o.files[of.e.id]; other != nil { // somebody was quicker
		of.f.Close()
		o.use(other)
		return other, nil
	}
	o.files[of.e.id] = of
	of.elem = o.order.PushFront(of)
	of.refs = 1
	o.shrink()
	return of, nil
}

// shrink closes the least recently used files that are not in use, until the
// limit is kept.
func (o *openFiles) shrink() {
	for e := o.order.Back(); e != nil && len(o.files) > o.limit; {
		of := e.Value.(*openFile)
		e = e.Prev()
		if of.refs == 0 {
			o.remove(of)
		}
	}
}

// remove takes a file out of the set.
func (o *openFiles) remove(of *openFile) {
	if of.gone {
		return
	}
	of.gone = true
	delete(o.files, of.e.id)
	o.order.Remove(of.elem)
	if of.refs == 0 {
		of.f.Close()
	}
}

func (o *openFiles) release(of *openFile) {
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
func (o *openFiles) discard(of *openFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.remove(of)
}

// expire closes what has not been used of late, so that deleted files give
// their space back.
func (o *openFiles) expire(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, of := range o.files {
		if of.refs == 0 && now.Sub(of.used) > idleOpen {
			o.remove(of)
		}
	}
}

// close closes all files; those in use when they are released.
func (o *openFiles) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	for _, of := range o.files {
		o.remove(of)
	}
}
