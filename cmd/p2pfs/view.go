//go:build linux

package main

import (
	"errors"

	"p2pfs/cmd/p2pfs/tree"
	p2fs "p2pfs/fs"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/share"
)

// publish hands what the share directory publishes to the drive, each time it
// changes.
func (m *member) publish() {
	for {
		select {
		case <-m.ctx.Done():
			return
		case change := <-m.shared:
			if m.guard.Do(func() { m.publishChange(change) }) != nil {
				m.guard.Do(func() { m.publishChange(m.everything()) }) // it may not have been taken
			}
		}
	}
}

// publishChange publishes what changed in the share directory.
func (m *member) publishChange(change share.Delta) {
	d := m.drive.Load()
	published, err := d.Share(catalogDelta(change))
	if errors.Is(err, catalog.ErrNeedAll) { // it was joined anew, mostly
		published, err = d.Share(catalogDelta(m.everything()))
	}
	if err != nil && !errors.Is(err, drive.ErrClosed) { // then it is joined anew, or all ends
		m.log.Error("catalogue not published", "err", err)
	}
	for _, path := range published.Dropped {
		m.log.Warn("not published: other members would not take it", "path", path)
	}
	m.overtake()
	m.announceAsked()
}

// everything is all that the share directory publishes.
func (m *member) everything() share.Delta {
	return share.Delta{All: true, Put: m.share.Files()}
}

// catalogDelta is a change of the share directory as one of our catalogue.
func catalogDelta(d share.Delta) catalog.Delta {
	files := make([]catalog.File, len(d.Put))
	for i, f := range d.Put {
		files[i] = catalog.File{
			Path: f.Path, Size: f.Size, MTime: f.MTime, Exec: f.Exec,
			Root: f.Root, V1: f.V1, Target: f.Target, Kind: catalogKind(f.Kind),
		}
	}
	return catalog.Delta{All: d.All, Put: files, Gone: d.Gone}
}

func catalogKind(k share.Kind) catalog.Kind {
	switch k {
	case share.Dir:
		return catalog.KindDir
	case share.Symlink:
		return catalog.KindSymlink
	}
	return catalog.KindFile
}

// view is the namespace of now.
func (m *member) view() *union.View { return m.drive.Load().View() }

// OnView tells the kernel what changed in the namespace.
func (s *seat) OnView(now, before *union.View) {
	m := s.m
	m.trackers.index.changed()
	mount := m.mount.Load()
	if mount == nil {
		return
	}
	changes, err := union.Diff(before, now)
	if err != nil {
		m.log.Warn("comparing views", "err", err)
		mount.Changed("", p2fs.ChangeTree)
	}
	for _, c := range changes {
		mount.Changed(c.Path, changeKind(c.Kind))
	}
	mount.Changed(tree.MembersPath, p2fs.ChangeTree)
}

// changed tells the kernel that a path shows something else.
func (m *member) changed(path string, kind p2fs.ChangeKind) {
	if mount := m.mount.Load(); mount != nil {
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
