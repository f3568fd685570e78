//go:build linux

package tree

import (
	"context"
	"errors"
	"io/fs"
	"path"

	p2fs "p2pfs/fs"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/metainfo"
)

// File is a file of a mount that has pieces. Fields are immutable.
type File struct {
	Path   string // in the mount
	Size   int64  // bytes
	Info   *metainfo.Info
	Index  int          // in Info
	Shared *union.Entry // nil: of a torrent that was added
	Open   func() (p2fs.Content, error)
}

// FilesAt lists the files at or below a path of the mount. Empty files and
// links, of which there is nothing to keep, are left out.
func (t *Tree) FilesAt(ctx context.Context, at string) ([]*File, error) {
	n, err := t.Find(at)
	if err != nil {
		return nil, err
	}
	if n.Kind != p2fs.Dir {
		k, err := t.file(n, at)
		if k == nil {
			return nil, err
		}
		return []*File{k}, err
	}
	entries, err := t.ReadDir(ctx, at)
	if err != nil {
		return nil, err
	}
	var out []*File
	for i := range entries {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		below, err := t.FilesAt(ctx, path.Join(at, entries[i].Name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it may have gone since
			return nil, err
		}
		out = append(out, below...)
	}
	return out, nil
}

// file is the file that a node shows, nil if it has no pieces.
func (t *Tree) file(n Node, at string) (*File, error) {
	if n.Kind != p2fs.File || n.Volatile || n.Size == 0 {
		return nil, nil
	}
	f := &File{Path: at, Size: n.Size, Shared: n.Shared}
	if n.Torrent != nil {
		f.Info, f.Index = n.Torrent.Info, n.Torrent.Index
		f.Open = func() (p2fs.Content, error) { return n.Torrent.Open(), nil }
		return f, nil
	}
	f.Open = func() (p2fs.Content, error) { return t.cfg.Files.Open(n.Shared) }
	var err error
	f.Info, err = metainfo.BuildV2(n.Shared.Published, n.Size, metainfo.PieceLength(n.Size), n.Shared.Root, metainfo.Options{})
	return f, err
}
