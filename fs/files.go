//go:build linux

package fs

import (
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"sync"
	"sync/atomic"

	"bazil.org/fuse"
)

// files answers requests from a Tree. It knows no connection: its methods take
// what the kernel asked and return what to reply, or an error for errno.
type files struct {
	tree     Tree
	uid, gid uint32
	nodes    *table

	// changes counts Changed. A reply may be cached only if none came since
	// the Tree was asked; see cacheable.
	changes atomic.Uint64

	polled atomic.Bool // pollName is not needed any more

	mu      sync.Mutex
	handles map[fuse.HandleID]*handle // guarded by mu
	last    fuse.HandleID             // guarded by mu
}

func newFiles(t Tree) *files {
	return &files{
		tree:    t,
		uid:     uint32(os.Getuid()),
		gid:     uint32(os.Getgid()),
		nodes:   newTable(),
		handles: make(map[fuse.HandleID]*handle),
	}
}

// cacheable tells whether what the Tree said since changes was read is still
// what it would say. If a change was announced in between, its invalidation may
// have passed the reply on the way, and the kernel would keep old news for hours.
func (f *files) cacheable(seen uint64) bool { return f.changes.Load() == seen }

// lookup finds a name in a directory, and counts a reference for the kernel. A
// missing name is an error without a validity: the kernel does not remember it,
// so a file published later is seen at once.
func (f *files) lookup(ctx context.Context, dir fuse.NodeID, name string) (fuse.LookupResponse, error) {
	var resp fuse.LookupResponse
	in := f.nodes.get(dir)
	switch {
	case in == nil:
		return resp, ErrStale
	case in.node.kind != Dir:
		return resp, errNotDir
	case in.node == root && name == pollName && !f.polled.Load():
		return f.pollFile(), nil
	case len(name) > maxName:
		return resp, errName
	case !validName(name):
		return resp, iofs.ErrNotExist
	}
	seen := f.changes.Load()
	path := child(in.node.path, name)
	e, err := f.tree.Lookup(ctx, path)
	if err != nil {
		return resp, err
	}
	n := nodeOf(path, &e)
	resp.Node = f.nodes.ref(n, &e).id
	resp.Attr = f.attr(n, &e)
	resp.EntryValid = resp.Attr.Valid
	if !f.cacheable(seen) { // asked after the node was entered, see invalidate
		resp.Attr.Valid, resp.EntryValid = 0, 0
	}
	return resp, nil
}

// pollName is a file at the root that exists until Mount returns; see
// Mountpoint.ready.
const pollName = ".p2pfs-poll"

func (f *files) pollFile() fuse.LookupResponse {
	e := Entry{Kind: File, Volatile: true}
	n := nodeOf(pollName, &e)
	return fuse.LookupResponse{Node: f.nodes.ref(n, &e).id, Attr: f.attr(n, &e)}
}

// nothing is the Content of pollFile.
type nothing struct{}

func (nothing) ReadAt(context.Context, []byte, int64) (int, error) { return 0, io.EOF }
func (nothing) Close() error                                       { return nil }

// getattr returns the attributes of a node. One that is no longer in the tree,
// because a file was removed or replaced while it was open, keeps its last.
func (f *files) getattr(ctx context.Context, id fuse.NodeID) (fuse.Attr, error) {
	in := f.nodes.get(id)
	if in == nil {
		return fuse.Attr{}, ErrStale
	}
	seen := f.changes.Load()
	e, err := f.current(ctx, in)
	if err != nil {
		return fuse.Attr{}, err
	}
	a := f.attr(in.node, &e)
	if !f.cacheable(seen) {
		a.Valid = 0
	}
	return a, nil
}

// current returns the newest entry of in.
func (f *files) current(ctx context.Context, in *inode) (Entry, error) {
	e, err := f.tree.Lookup(ctx, in.node.path)
	switch {
	case err == nil && nodeOf(in.node.path, &e) == in.node:
		f.nodes.update(in, &e)
		return e, nil
	case err == nil || errors.Is(err, iofs.ErrNotExist):
		return f.nodes.entry(in), nil
	}
	return Entry{}, err
}

// readlink returns the target of a symbolic link, which is part of its node.
func (f *files) readlink(id fuse.NodeID) (string, error) {
	in := f.nodes.get(id)
	if in == nil {
		return "", ErrStale
	}
	if in.node.kind != Symlink {
		return "", errInvalid
	}
	return f.nodes.entry(in).Target, nil
}

// statfs returns what df shows.
func (f *files) statfs() fuse.StatfsResponse {
	u := f.tree.StatFS()
	const frag = 4096
	total, free := uint64(max(0, u.Total))/frag, uint64(max(0, u.Free))/frag
	return fuse.StatfsResponse{
		Blocks: total, Bfree: free, Bavail: free,
		Files: uint64(max(0, u.Files)),
		Bsize: frag, Frsize: frag, Namelen: maxName,
	}
}
