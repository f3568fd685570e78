//go:build linux

package fs

import (
	"sync"

	"bazil.org/fuse"
)

// kernel is what drops names and attributes from the kernel's memory;
// *fuse.Conn is one. Its methods block while a lookup in the same directory is
// unanswered, and return an error when there was nothing to drop.
type kernel interface {
	InvalidateEntry(dir fuse.NodeID, name string) error
	InvalidateNode(id fuse.NodeID, off, size int64) error
}

// invalidator tells the kernel what changed. add never blocks; one goroutine,
// which holds no lock meanwhile, does the telling.
type invalidator struct {
	kernel kernel
	nodes  *table

	mu      sync.Mutex
	pending map[change]struct{} // guarded by mu
	wake    chan struct{}       // room for one
}

// change is what Mountpoint.Changed was told.
type change struct {
	path string
	kind ChangeKind
}

// maxPending bounds the memory of changes not yet told; beyond it everything
// the kernel knows is dropped instead.
const maxPending = 1 << 16

func newInvalidator(k kernel, t *table) *invalidator {
	return &invalidator{
		kernel: k, nodes: t,
		pending: make(map[change]struct{}),
		wake:    make(chan struct{}, 1),
	}
}

func (v *invalidator) add(c change) {
	v.mu.Lock()
	if len(v.pending) >= maxPending {
		clear(v.pending)
		c = change{"", ChangeTree}
	}
	v.pending[c] = struct{}{}
	v.mu.Unlock()
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// run tells the kernel until done is closed.
func (v *invalidator) run(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-v.wake:
		}
		v.mu.Lock()
		batch := v.pending
		v.pending = make(map[change]struct{})
		v.mu.Unlock()
		v.tell(batch, done)
	}
}

// tell drops what a batch of changes makes old, the directories at the end and
// once each.
func (v *invalidator) tell(batch map[change]struct{}, done <-chan struct{}) {
	dirs := make(map[string]struct{})
	for c := range batch {
		select {
		case <-done:
			return
		default:
		}
		switch c.kind {
		case ChangeEntry:
			v.entry(c.path, dirs)
		case ChangeAttr:
			v.attr(c.path)
		case ChangeTree:
			for _, p := range v.nodes.under(c.path) {
				v.entry(p, dirs)
				dirs[p] = struct{}{}
			}
		}
	}
	for d := range dirs {
		v.attr(d)
	}
}

// entry drops the name of path from its directory. It asks the kernel also
// when the name is not known here: a lookup may be on its way.
func (v *invalidator) entry(path string, dirs map[string]struct{}) {
	if path == "" {
		dirs[""] = struct{}{}
		return
	}
	dir, name := parent(path)
	if id, ok := v.nodes.at(dir); ok {
		v.kernel.InvalidateEntry(id, name)
		dirs[dir] = struct{}{}
	}
}

// attr drops the attributes of path and no page: with an offset below zero the
// kernel leaves them alone, while 0 and 0 means all, and it would wait for
// those that a blocked read is filling.
func (v *invalidator) attr(path string) {
	if id, ok := v.nodes.at(path); ok {
		v.kernel.InvalidateNode(id, -1, 0)
	}
}
