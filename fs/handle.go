//go:build linux

package fs

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"

	"bazil.org/fuse"
)

// handle is an open file or directory.
type handle struct {
	in   *inode
	uses int // the open itself and reads that run; guarded by files.mu

	// Of files; immutable, so that reads never queue for one another.
	content  Content
	size     int64
	volatile bool // size means nothing, content says io.EOF
	paged    bool // read through the kernel's pages, which asks for more than is needed
	failed   failures
	givenUp  givenUp

	// Of directories.
	mu      sync.Mutex
	listing *listing // guarded by mu
}

// open opens a file or directory. The handle is bound to the content that the
// node names, whatever its path shows later.
func (f *files) open(ctx context.Context, r *fuse.OpenRequest) (fuse.OpenResponse, error) {
	var resp fuse.OpenResponse
	in := f.nodes.get(r.Node)
	switch {
	case in == nil:
		return resp, ErrStale
	case r.Dir && in.node.kind != Dir:
		return resp, errNotDir
	case r.Dir:
		resp.Handle = f.keep(&handle{in: in})
		return resp, nil
	case in.node.kind == Dir:
		return resp, errIsDir
	case in.node.kind != File:
		return resp, errInvalid
	case !r.Flags.IsReadOnly():
		return resp, errReadOnly
	}
	c, err := f.content(ctx, in.node)
	if err != nil {
		return resp, err
	}
	e := f.nodes.entry(in)
	h := &handle{in: in, content: c, size: e.Size, volatile: e.Volatile}
	resp.Flags = openFlags(r.Flags, e.Volatile)
	h.paged = resp.Flags&fuse.OpenDirectIO == 0
	resp.Handle = f.keep(h)
	return resp, nil
}

func (f *files) content(ctx context.Context, n node) (Content, error) {
	if n.path == pollName && !f.polled.Load() {
		return nothing{}, nil
	}
	return f.tree.Open(ctx, n.path, n.content)
}

// openFlags lets the kernel keep the pages of what never changes. What is
// opened with O_DIRECT is read without them and one request after the other:
// otherwise the kernel would send such reads in the background and wait for
// them deaf to signals.
func openFlags(asked fuse.OpenFlags, volatile bool) fuse.OpenResponseFlags {
	switch {
	case volatile:
		return fuse.OpenDirectIO
	case asked&syscall.O_DIRECT != 0:
		return fuse.OpenDirectIO | fuse.OpenKeepCache
	}
	return fuse.OpenKeepCache
}

// keep gives a handle its number.
func (f *files) keep(h *handle) fuse.HandleID {
	f.mu.Lock()
	defer f.mu.Unlock()
	h.uses = 1
	f.last++
	f.handles[f.last] = h
	return f.last
}

// handle returns the handle of a number, nil when there is none.
func (f *files) handle(id fuse.HandleID) *handle {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.handles[id]
}

// acquire returns the handle of a number for a read, nil when there is none.
// The caller calls drop when it has read.
func (f *files) acquire(id fuse.HandleID) *handle {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.handles[id]
	if h != nil {
		h.uses++
	}
	return h
}

// drop ends one use of a handle. The last one closes the content, which is not
// always the release: an interrupted read was answered before it returned.
func (f *files) drop(h *handle) error {
	f.mu.Lock()
	h.uses--
	last := h.uses == 0
	f.mu.Unlock()
	if !last || h.content == nil {
		return nil
	}
	return h.content.Close()
}

// release ends the use that open began.
func (f *files) release(id fuse.HandleID) error {
	f.mu.Lock()
	h := f.handles[id]
	delete(f.handles, id)
	f.mu.Unlock()
	if h == nil {
		return nil
	}
	return f.drop(h)
}

// unreleased are the handles that the kernel did not release, when the mount went
// away under them.
func (f *files) unreleased() []fuse.HandleID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.handles))
}

// span returns how many bytes a read of n bytes at off can give.
func (h *handle) span(off int64, n int) int {
	switch {
	case n <= 0 || off < 0:
		return 0
	case h.volatile:
		return n
	}
	return int(max(0, min(int64(n), h.size-off)))
}

// read fills p, cut with span, from off. It gives all of it or an error: the
// kernel would take fewer bytes for the end of the file. Only a volatile file
// ends where its content says so.
func (h *handle) read(ctx context.Context, p []byte, off int64) (int, error) {
	if h.content == nil {
		return 0, errIsDir
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := h.failed.take(off); err != nil {
		return 0, err
	}
	start := time.Now()
	n, err := h.readAhead(ctx, p, off)
	if err != nil && err != ErrAhead && ctx.Err() == nil && time.Since(start) > slowFailure {
		h.failed.add(off, len(p), err)
	}
	return n, err
}

func (h *handle) readAt(ctx context.Context, p []byte, off int64) (int, error) {
	n, err := h.content.ReadAt(ctx, p, off)
	switch {
	case n == len(p):
		return n, nil
	case h.volatile && n >= 0 && errors.Is(err, io.EOF):
		return n, nil
	case err == nil || errors.Is(err, io.EOF):
		return 0, io.ErrUnexpectedEOF
	}
	return 0, err
}
