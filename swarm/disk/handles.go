package disk

import (
	"os"
	"sync"
	"sync/atomic"
)

// maxOpen bounds the files of a torrent that are kept open.
const maxOpen = 64

// handle is an open file. openFiles has one reference, every user one more;
// the last to go closes it.
type handle struct {
	f        *os.File
	file     int
	writable bool
	refs     atomic.Int32 // counted up under openFiles.mu (reading suffices)
	use      atomic.Int64 // openFiles.clock at the last use
}

func newHandle(f *os.File, file int, writable bool) *handle {
	h := &handle{f: f, file: file, writable: writable}
	h.refs.Store(1)
	return h
}

func (h *handle) unref() {
	if h.refs.Add(-1) == 0 {
		h.f.Close() // errors of writing were seen when writing
	}
}

// openFiles is the table of open files, least recently used out first.
type openFiles struct {
	clock  atomic.Int64
	mu     sync.RWMutex // guards the fields below
	byFile map[int]*handle
	closed bool
}

// get returns file's handle with a reference for the caller, or nil.
func (o *openFiles) get(file int, write bool) *handle {
	o.mu.RLock()
	defer o.mu.RUnlock()
	h := o.byFile[file]
	if h == nil || write && !h.writable {
		return nil
	}
	h.refs.Add(1)
	h.use.Store(o.clock.Add(1))
	return h
}

// put adds h to the table, in the place of what stands there for the file,
// and gives the caller a reference.
func (o *openFiles) put(h *handle) {
	h.refs.Add(1)
	h.use.Store(o.clock.Add(1))
	o.mu.Lock()
	out := h // never added
	if !o.closed {
		if o.byFile == nil {
			o.byFile = make(map[int]*handle)
		}
		out = o.byFile[h.file]
		if out == nil && len(o.byFile) >= maxOpen {
			out = o.oldest()
			delete(o.byFile, out.file)
		}
		o.byFile[h.file] = h
	}
	o.mu.Unlock()
	if out != nil {
		out.unref()
	}
}

// oldest returns the handle that was used least recently. The table, which is
// not empty, is locked.
func (o *openFiles) oldest() (oldest *handle) {
	for _, h := range o.byFile {
		if oldest == nil || h.use.Load() < oldest.use.Load() {
			oldest = h
		}
	}
	return oldest
}

// forget closes file's handle, or has its last user do so.
func (o *openFiles) forget(file int) {
	o.mu.Lock()
	h := o.byFile[file]
	delete(o.byFile, file)
	o.mu.Unlock()
	if h != nil {
		h.unref()
	}
}

func (o *openFiles) isClosed() bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.closed
}

func (o *openFiles) closeAll() {
	o.mu.Lock()
	all := o.byFile
	o.byFile, o.closed = nil, true
	o.mu.Unlock()
	for _, h := range all {
		h.unref()
	}
}
