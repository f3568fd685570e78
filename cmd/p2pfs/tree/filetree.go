//go:build linux

package tree

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	p2fs "p2pfs/fs"
	"p2pfs/swarm/metainfo"
)

// fileTree is the files of a torrent as a tree. A torrent of a single file is
// that file; otherwise the root is a directory.
type fileTree struct {
	name  string
	index int // of the file; -1: a directory
	below map[string]*fileTree
}

func newFileTree(info *metainfo.Info) *fileTree {
	if info.Single {
		for i, f := range info.Files {
			if !f.Pad {
				return &fileTree{name: info.Name, index: i}
			}
		}
	}
	root := &fileTree{name: info.Name, index: -1}
	for i, f := range info.Files {
		if f.Pad {
			continue
		}
		at := root
		for _, name := range f.Path {
			at = at.child(name)
		}
		at.index = i
	}
	return root
}

func (t *fileTree) child(name string) *fileTree {
	if t.below == nil {
		t.below = map[string]*fileTree{}
	}
	c := t.below[name]
	if c == nil {
		c = &fileTree{name: name, index: -1}
		t.below[name] = c
	}
	return c
}

// at finds a path, nil if there is none.
func (t *fileTree) at(path string) *fileTree {
	for t != nil && path != "" {
		var name string
		name, path, _ = strings.Cut(path, "/")
		t = t.below[name]
	}
	return t
}

// children are sorted by name.
func (t *fileTree) children() []*fileTree {
	var out []*fileTree
	for _, name := range slices.Sorted(maps.Keys(t.below)) {
		out = append(out, t.below[name])
	}
	return out
}

func (t *fileTree) entry(m *metainfo.MetaInfo) p2fs.Entry {
	e := p2fs.Entry{Name: t.name, Kind: p2fs.Dir, MTime: m.Created}
	if e.MTime.IsZero() {
		e.MTime = time.Unix(0, 0)
	}
	if t.index < 0 {
		return e
	}
	f := m.Info.Files[t.index]
	if f.Symlink != nil {
		e.Kind, e.Target = p2fs.Symlink, relativeTarget(f.Path, f.Symlink)
		return e
	}
	e.Kind, e.Size, e.Exec = p2fs.File, f.Length, f.Exec
	return e
}

// relativeTarget turns a link's target, which a torrent gives from its root
// (BEP 47), into one from the link's own directory.
func relativeTarget(link, target []string) string {
	up := strings.Repeat("../", max(0, len(link)-1))
	return path.Clean(up + strings.Join(target, "/"))
}
