//go:build linux

package fs

import (
	"context"

	"bazil.org/fuse"
)

// readdir returns the part of a listing that begins at off, at most n bytes.
// The listing is made once a handle, and again after a rewind, so that one pass
// sees one state of the directory whatever changes meanwhile.
func (f *files) readdir(ctx context.Context, id fuse.HandleID, off int64, n int) ([]byte, error) {
	h := f.handle(id)
	switch {
	case h == nil:
		return nil, ErrStale
	case h.content != nil:
		return nil, errNotDir
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if off == 0 || h.listing == nil {
		entries, err := f.tree.ReadDir(ctx, h.in.node.path)
		if err != nil {
			return nil, err
		}
		h.listing = listing(h.in.node.path, entries)
	}
	if off < 0 || off >= int64(len(h.listing)) {
		return nil, nil
	}
	rest := h.listing[off:]
	return rest[:min(n, len(rest))], nil
}

// listing returns the directory at path as the kernel reads it. Types and
// inode numbers are those that getattr gives, so that find asks for nothing.
// Names the kernel would refuse, and second ones, are left out.
func listing(path string, entries []Entry) []byte {
	up := root
	if path != "" {
		dir, _ := parent(path)
		up = node{path: dir, kind: Dir}
	}
	size := 64
	for i := range entries {
		size += 24 + len(entries[i].Name) + 7
	}
	data := make([]byte, 0, size)
	data = fuse.AppendDirent(data, fuse.Dirent{Inode: node{path: path, kind: Dir}.inode(), Type: fuse.DT_Dir, Name: "."})
	data = fuse.AppendDirent(data, fuse.Dirent{Inode: up.inode(), Type: fuse.DT_Dir, Name: ".."})
	for i := range entries {
		e := &entries[i]
		if e.Hidden || !validName(e.Name) || i > 0 && e.Name == entries[i-1].Name {
			continue
		}
		data = fuse.AppendDirent(data, fuse.Dirent{
			Inode: nodeOf(child(path, e.Name), e).inode(),
			Type:  direntType(e.Kind),
			Name:  e.Name,
		})
	}
	return data
}

func direntType(k Kind) fuse.DirentType {
	switch k {
	case Dir:
		return fuse.DT_Dir
	case Symlink:
		return fuse.DT_Link
	}
	return fuse.DT_File
}
