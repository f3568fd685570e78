//go:build linux

package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"strings"

	"bazil.org/fuse"
)

// getxattr returns the value of an attribute. size is how much the caller
// takes; 0 asks for the length only.
func (f *files) getxattr(ctx context.Context, id fuse.NodeID, name string, size uint32) ([]byte, error) {
	in := f.nodes.get(id)
	if in == nil {
		return nil, ErrStale
	}
	if !strings.HasPrefix(name, "user.") { // ls -l asks for others of every file until it is told that there are none
		return nil, errNoKind
	}
	v, err := f.tree.Xattr(ctx, in.node.path, name)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil, errNoXattr
	}
	if err != nil {
		return nil, err
	}
	return fits([]byte(v), size)
}

// listxattr returns the names of the attributes, each with a NUL behind it.
func (f *files) listxattr(ctx context.Context, id fuse.NodeID, size uint32) ([]byte, error) {
	in := f.nodes.get(id)
	if in == nil {
		return nil, ErrStale
	}
	names, err := f.tree.Xattrs(ctx, in.node.path)
	if errors.Is(err, iofs.ErrNotExist) { // removed while it was open
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var resp fuse.ListxattrResponse
	resp.Append(names...)
	return fits(resp.Xattr, size)
}

func fits(v []byte, size uint32) ([]byte, error) {
	if size != 0 && uint64(len(v)) > uint64(size) {
		return nil, errRange
	}
	return v, nil
}
