//go:build linux

package member

import (
	"log/slog"
	"sync/atomic"

	"p2pfs/cmd/p2pfs/files"
	"p2pfs/cmd/p2pfs/tree"
	p2fs "p2pfs/fs"
	"p2pfs/swarm"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
)

// kernel is told what a mount shows otherwise, once there is a mount.
type kernel struct {
	mount atomic.Pointer[p2fs.Mountpoint]
	log   *slog.Logger
}

// onView tells the kernel what changed in the namespace.
func (k *kernel) onView(now, before *union.View) {
	mount := k.mount.Load()
	if mount == nil {
		return
	}
	changes, err := union.Diff(before, now)
	if err != nil {
		k.log.Warn("comparing views", "err", err)
		mount.Changed("", p2fs.ChangeTree)
	}
	for _, c := range changes {
		mount.Changed(c.Path, changeKind(c.Kind))
	}
	mount.Changed(tree.MembersPath, p2fs.ChangeTree)
}

// changed tells the kernel that a path shows something else.
func (k *kernel) changed(path string, kind p2fs.ChangeKind) {
	if mount := k.mount.Load(); mount != nil {
		mount.Changed(path, kind)
	}
}

// changeKind is a change of the catalogue as the kernel is told of it.
func changeKind(k union.ChangeKind) p2fs.ChangeKind {
	switch k {
	case union.Touched:
		return p2fs.ChangeAttr
	case union.Removed, union.Replaced, union.Within: // it may have been a directory
		return p2fs.ChangeTree
	}
	return p2fs.ChangeEntry
}

// pieceEvents tells torrents and mounts what comes into the cache and leaves it.
type pieceEvents struct {
	shown  *tree.Shown
	twins  *files.Twins
	client func() *swarm.Client
}

// lost tells torrents and the kernel of a piece that the cache has no more.
func (e pieceEvents) lost(gone held.Key, of []held.Piece) {
	if root, ok := held.Root(gone); ok { // it may have been a whole file
		e.shown.MovedFile(root)
	}
	for _, r := range of {
		e.shown.Moved(r.Info, r.Index, nil)
		for _, ih := range r.Info.InfoHashes() {
			e.twins.Lost(ih, r.Index)
			if t := e.client().Torrent(ih); t != nil {
				t.Evicted(r.Index)
				e.shown.Moved(r.Info, r.Index, t.InfoHashes())
			}
		}
	}
}

// stored tells the kernel of a piece that the cache has now: it may have come
// after its file was read and closed.
func (e pieceEvents) stored(info *metainfo.Info, piece int) {
	var hashes []metainfo.Hash
	if t := e.client().Torrent(info.InfoHashes()[0]); t != nil {
		hashes = t.InfoHashes()
	}
	e.shown.Moved(info, piece, hashes)
}
