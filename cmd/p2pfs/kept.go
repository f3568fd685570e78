//go:build linux

package main

import (
	"context"
	"errors"
	"io/fs"
	"path"

	p2fs "p2pfs/fs"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
)

// errShareDir is the answer to a path of the share directory.
var errShareDir = errors.New("in the share directory: nothing of it goes through the cache")

// kept is a file of the mount whose pieces the cache may keep.
type kept struct {
	path string
	size int64
	own  bool // read from the share directory, not from the cache
	info *metainfo.Info
	file int // in info
	open func() (p2fs.Content, error)
}

func (k *kept) id() held.PinID { return held.PinOf(k.info, k.file) }

// keptPiece is what of a file lies in one piece.
type keptPiece struct {
	held.Part
	key  held.Key
	held bool
}

// pieces are the pieces of a file, as they are now.
func (m *member) pieces(k *kept) (out []keptPiece) {
	for _, part := range held.Parts(k.info, k.file) {
		p := keptPiece{Part: part}
		p.key, p.held = m.holdings.index.Key(k.info, p.Index)
		out = append(out, p)
	}
	return out
}

// keptAt lists the files at or below a path of the mount. Empty files and
// links, of which there is nothing to keep, are left out.
func (m *member) keptAt(ctx context.Context, at string) ([]*kept, error) {
	n, err := tree{m}.find(ctx, at)
	if err != nil {
		return nil, err
	}
	if n.Kind != p2fs.Dir {
		k, err := m.keptFile(n, at)
		if k == nil {
			return nil, err
		}
		return []*kept{k}, err
	}
	entries, err := tree{m}.ReadDir(ctx, at)
	if err != nil {
		return nil, err
	}
	var out []*kept
	for i := range entries {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		below, err := m.keptAt(ctx, path.Join(at, entries[i].Name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it may have gone since
			return nil, err
		}
		out = append(out, below...)
	}
	return out, nil
}

// keptFile is the file that a node shows, nil if it has no pieces.
func (m *member) keptFile(n node, at string) (*kept, error) {
	if n.Kind != p2fs.File || n.Volatile || n.Size == 0 {
		return nil, nil
	}
	k := &kept{path: at, size: n.Size}
	if n.torrent != nil {
		k.info, k.file = n.torrent.info, n.torrent.index
		k.open = func() (p2fs.Content, error) { return n.torrent.open(), nil }
		return k, nil
	}
	of := contentOf(n.entry)
	_, k.own = m.share.ByContent(of)
	k.open = func() (p2fs.Content, error) { return m.open(n.entry) }
	var err error
	k.info, err = metainfo.BuildV2(n.entry.Published, of.Size, metainfo.PieceLength(of.Size), of.Root)
	return k, err
}
