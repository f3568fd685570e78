//go:build linux

package keep

import (
	"context"
	"errors"

	"p2pfs/cmd/p2pfs/tree"
	"p2pfs/swarm/held"
)

// errShareDir is the answer to a path of the share directory.
var errShareDir = errors.New("in the share directory: nothing of it goes through the cache")

// file is a file of the mount whose pieces the cache may keep.
type file struct {
	*tree.File
	own bool // read from the share directory, not from the cache
}

func (f *file) id() held.PinID { return held.PinOf(f.Info, f.Index) }

// piece is what of a file lies in one piece.
type piece struct {
	held.Part
	key  held.Key
	held bool
}

// pieces are the pieces of a file, as they are now.
func (k *Keeper) pieces(f *file) (out []piece) {
	for _, part := range held.Parts(f.Info, f.Index) {
		p := piece{Part: part}
		p.key, p.held = k.cfg.Index.Key(f.Info, p.Index)
		out = append(out, p)
	}
	return out
}

// filesAt lists the files at or below a path of the mount.
func (k *Keeper) filesAt(ctx context.Context, at string) (out []*file, err error) {
	files, err := k.cfg.Tree.FilesAt(ctx, at)
	for _, found := range files {
		f := &file{File: found}
		if f.Shared != nil {
			_, f.own = k.cfg.Shares.ByContent(f.Info.Content(f.Index))
		}
		out = append(out, f)
	}
	return out, err
}
