//go:build linux

package fs

import (
	"context"
	"encoding/binary"
	"os"
	"time"

	"bazil.org/fuse"
)

// listing is a directory as one handle reads it. It is asked for once, and again
// after a rewind, so that one pass sees one state of the directory whatever
// changes meanwhile. Offsets number the entries: 0 is ".", 1 is "..", and what
// the kernel is given with an entry is the number of the next.
type listing struct {
	path    string
	entries []Entry // the Tree's
	seen    uint64  // changes when it was asked for
}

// at returns the entry of a number, with its path; ok is false for one that is
// left out: hidden, a second one of its name, or of a name that the kernel
// would refuse the whole listing for.
func (l *listing) at(i int64) (name string, n node, e *Entry, ok bool) {
	switch i {
	case 0:
		return ".", node{path: l.path, kind: Dir}, nil, true
	case 1:
		up := root
		if l.path != "" {
			dir, _ := parent(l.path)
			up = node{path: dir, kind: Dir}
		}
		return "..", up, nil, true
	}
	i -= 2
	e = &l.entries[i]
	if e.Hidden || !validName(e.Name) || i > 0 && e.Name == l.entries[i-1].Name {
		return "", n, nil, false
	}
	return e.Name, nodeOf(child(l.path, e.Name), e), e, true
}

// listed returns what a handle of a directory lists; off is where it goes on.
func (f *files) listed(ctx context.Context, id fuse.HandleID, off int64) (*listing, error) {
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
		l := &listing{path: h.in.node.path, seen: f.changes.Load()}
		var err error
		if l.entries, err = f.tree.ReadDir(ctx, l.path); err != nil {
			return nil, err
		}
		h.listing = l
	}
	return h.listing, nil
}

// end is behind the last number.
func (l *listing) end() int64 { return int64(len(l.entries)) + 2 }

// dirents returns entries from off, at most n bytes. Types and inode numbers are
// those that getattr gives, so that find asks for nothing.
func (l *listing) dirents(off int64, n int) []byte {
	if off < 0 {
		return nil
	}
	data := make([]byte, 0, n)
	for i := off; i < l.end(); i++ {
		name, of, _, ok := l.at(i)
		if !ok {
			continue
		}
		if len(data)+direntSize(name) > n {
			break
		}
		data = appendDirent(data, of, i+1, name)
	}
	return data
}

// readdir returns entries of a directory from off, at most n bytes.
func (f *files) readdir(ctx context.Context, id fuse.HandleID, off int64, n int) ([]byte, error) {
	l, err := f.listed(ctx, id, off)
	if err != nil {
		return nil, err
	}
	return l.dirents(off, n), nil
}

// readdirplus does as readdir, and looks each entry up for the kernel, which
// otherwise asks for one after the other (ls -l, du, cp -r). It counts a
// reference for each of refs, to be taken back if the kernel does not get them.
func (f *files) readdirplus(ctx context.Context, id fuse.HandleID, off int64, n int) (data []byte, refs []fuse.NodeID, err error) {
	l, err := f.listed(ctx, id, off)
	if err != nil || off < 0 {
		return nil, nil, err
	}
	data = make([]byte, 0, n)
	for i := off; i < l.end(); i++ {
		name, of, e, ok := l.at(i)
		if !ok {
			continue
		}
		if len(data)+entrySize+direntSize(name) > n {
			break
		}
		if e == nil { // "." and "..": the kernel knows them
			data = append(data, make([]byte, entrySize)...)
		} else {
			in := f.nodes.ref(of, e)
			refs = append(refs, in.id)
			a := f.attr(of, e)
			if !f.cacheable(l.seen) { // asked after the node was entered, see invalidate
				a.Valid = 0
			}
			data = appendEntry(data, in.id, a)
		}
		data = appendDirent(data, of, i+1, name)
	}
	return data, refs, nil
}

// direntSize is the length of struct fuse_dirent with a name.
func direntSize(name string) int { return (24 + len(name) + 7) &^ 7 }

func appendDirent(data []byte, n node, next int64, name string) []byte {
	ne := binary.NativeEndian
	data = ne.AppendUint64(data, n.inode())
	data = ne.AppendUint64(data, uint64(next))
	data = ne.AppendUint32(data, uint32(len(name)))
	data = ne.AppendUint32(data, uint32(direntType(n.kind)))
	data = append(data, name...)
	return append(data, make([]byte, direntSize(name)-24-len(name))...)
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

// entrySize is the length of struct fuse_entry_out.
const entrySize = 128

// appendEntry appends a struct fuse_entry_out.
func appendEntry(data []byte, id fuse.NodeID, a fuse.Attr) []byte {
	ne := binary.NativeEndian
	valid := uint64(a.Valid / time.Second)
	for _, v := range []uint64{uint64(id), 0, valid, valid, 0, a.Inode, a.Size, a.Blocks} {
		data = ne.AppendUint64(data, v)
	}
	for _, t := range []time.Time{a.Atime, a.Mtime, a.Ctime} {
		data = ne.AppendUint64(data, uint64(t.Unix()))
	}
	for _, t := range []time.Time{a.Atime, a.Mtime, a.Ctime} {
		data = ne.AppendUint32(data, uint32(t.Nanosecond()))
	}
	for _, v := range []uint32{unixMode(a.Mode), a.Nlink, a.Uid, a.Gid, 0, a.BlockSize, 0} {
		data = ne.AppendUint32(data, v)
	}
	return data
}

// unixMode returns st_mode.
func unixMode(m os.FileMode) uint32 {
	const dir, link, regular = 0o040000, 0o120000, 0o100000
	switch {
	case m.IsDir():
		return dir | uint32(m.Perm())
	case m&os.ModeSymlink != 0:
		return link | uint32(m.Perm())
	}
	return regular | uint32(m.Perm())
}
