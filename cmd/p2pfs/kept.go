//go:build linux

package main

import (
	"context"
	"errors"

	"p2pfs/cmd/p2pfs/tree"
	"p2pfs/swarm/held"
)

// errShareDir is the answer to a path of the share directory.
var errShareDir = errors.New("in the share directory: nothing of it goes through the cache")

// kept is a file of the mount whose pieces the cache may keep.
type kept struct {
	*tree.File
	own bool // read from the share directory, not from the cache
}

func (k *kept) id() held.PinID { return held.PinOf(k.Info, k.Index) }

// keptPiece is what of a file lies in one piece.
type keptPiece struct {
	held.Part
	key  held.Key
	held bool
}

// pieces are the pieces of a file, as they are now.
func (m *member) pieces(k *kept) (out []keptPiece) {
	for _, part := range held.Parts(k.Info, k.Index) {
		p := keptPiece{Part: part}
		p.key, p.held = m.holdings.index.Key(k.Info, p.Index)
		out = append(out, p)
	}
	return out
}

// keptAt lists the files at or below a path of the mount.
func (m *member) keptAt(ctx context.Context, at string) (out []*kept, err error) {
	files, err := m.tree.FilesAt(ctx, at)
	for _, f := range files {
		k := &kept{File: f}
		if f.Shared != nil {
			_, k.own = m.share.ByContent(contentOf(f.Shared))
		}
		out = append(out, k)
	}
	return out, err
}
