//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
	"strings"
	"time"

	p2fs "p2pfs/fs"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/metainfo"
)

// Names of what is in a mount besides the members' files: reachable by name,
// but not listed in the root, so that no indexer walks it.
const (
	specialDir  = ".p2pfs"
	membersDir  = "members"
	torrentsDir = "torrents"
	statusFile  = "status"
)

// tree is what a member's mount shows: the union of all members' trees, and
// under .p2pfs each member's own, torrents added by hand and a status text.
type tree struct{ m *member }

// node is an entry with the way to open it.
type node struct {
	p2fs.Entry
	entry   *catalog.Entry // of a member's file
	torrent *addedFile     // of a torrent's
}

// Lookup is part of fs.Tree.
func (t tree) Lookup(ctx context.Context, path string) (p2fs.Entry, error) {
	n, err := t.find(ctx, path)
	t.m.blocks.note(n, path)
	return n.Entry, err
}

// find looks a path up in the part of the tree that it lies in.
func (t tree) find(_ context.Context, path string) (node, error) {
	first, rest, _ := strings.Cut(path, "/")
	if first != specialDir {
		return t.inView(t.m.view(), path)
	}
	part, rest, _ := strings.Cut(rest, "/")
	switch {
	case part == "":
		return dirNode(specialDir, true), nil
	case part == statusFile && rest == "":
		return node{Entry: p2fs.Entry{Name: statusFile, Kind: p2fs.File, Volatile: true, MTime: time.Now()}}, nil
	case part == membersDir && rest == "", part == torrentsDir && rest == "":
		return dirNode(part, false), nil
	case part == membersDir:
		return t.inMember(rest)
	case part == torrentsDir:
		return t.m.torrents.find(rest)
	}
	return node{}, fs.ErrNotExist
}

func dirNode(name string, hidden bool) node {
	return node{Entry: p2fs.Entry{Name: name, Kind: p2fs.Dir, Hidden: hidden}}
}

func (t tree) inView(v *catalog.View, path string) (node, error) {
	e, err := v.Lookup(path)
	if err != nil {
		return node{}, err
	}
	return t.node(&e), nil
}

func (t tree) inMember(path string) (node, error) {
	name, rest, _ := strings.Cut(path, "/")
	v, ok := t.m.memberView(name)
	switch {
	case !ok:
		return node{}, fs.ErrNotExist
	case rest == "":
		return dirNode(name, false), nil
	}
	return t.inView(v, rest)
}

// node is a catalogue entry as the mount shows it.
func (t tree) node(e *catalog.Entry) node {
	n := node{entry: e, Entry: p2fs.Entry{Name: e.Name, MTime: e.MTime}}
	switch e.Kind {
	case catalog.KindDir:
		n.Kind = p2fs.Dir
	case catalog.KindSymlink:
		n.Kind, n.Target = p2fs.Symlink, e.Target
	default:
		n.Kind, n.Size, n.Exec, n.Content = p2fs.File, e.Size, e.Exec, shownAs(contentOf(e))
		n.Local = t.m.local(e)
	}
	return n
}

// shownAs names a file's content to the kernel's side: what has another size is
// another file, though it has the same root.
func shownAs(c metainfo.Content) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64(c.Root[:], uint64(c.Size)))
}

// ReadDir is part of fs.Tree.
func (t tree) ReadDir(_ context.Context, path string) ([]p2fs.Entry, error) {
	first, rest, _ := strings.Cut(path, "/")
	if first != specialDir {
		return t.list(t.m.view(), path, path)
	}
	part, rest, _ := strings.Cut(rest, "/")
	switch {
	case part == "":
		return []p2fs.Entry{dirNode(membersDir, false).Entry, {Name: statusFile, Volatile: true}, dirNode(torrentsDir, false).Entry}, nil
	case part == membersDir && rest == "":
		var out []p2fs.Entry
		for _, name := range t.m.memberNames() {
			out = append(out, dirNode(name, false).Entry)
		}
		return out, nil
	case part == membersDir:
		name, rest, _ := strings.Cut(rest, "/")
		if v, ok := t.m.memberView(name); ok {
			return t.list(v, rest, path)
		}
	case part == torrentsDir:
		out, err := t.m.torrents.list(rest)
		for i := range out {
			t.m.blocks.note(node{Entry: out[i]}, path+"/"+out[i].Name)
		}
		return out, err
	}
	return nil, fs.ErrNotExist
}

// list returns the entries of a directory of v, which the mount shows at under.
// What it says of them the kernel may keep, as what Lookup does.
func (t tree) list(v *catalog.View, path, under string) ([]p2fs.Entry, error) {
	entries, err := v.ReadDir(path)
	if err != nil {
		return nil, err
	}
	out := make([]p2fs.Entry, len(entries))
	for i := range entries {
		n := t.node(&entries[i])
		t.m.blocks.note(n, strings.TrimPrefix(under+"/"+n.Name, "/"))
		out[i] = n.Entry
	}
	return out, nil
}

// Open is part of fs.Tree.
func (t tree) Open(ctx context.Context, path string, content [32]byte) (p2fs.Content, error) {
	n, err := t.find(ctx, path)
	switch {
	case err != nil:
		return nil, err
	case n.Volatile:
		return t.m.statusText()
	case n.Content != content:
		return nil, p2fs.ErrStale
	case n.torrent != nil:
		return t.m.come(n.torrent.open(), path, n), nil
	}
	c, err := t.m.open(n.entry)
	if err != nil || n.Local == n.Size {
		return c, err
	}
	return t.m.come(c, path, n), nil
}

// StatFS is part of fs.Tree: df shows the cache, and as free what it can still
// take, which a full disk makes less than its budget.
func (t tree) StatFS() p2fs.Usage {
	u := t.m.cache.Usage()
	return p2fs.Usage{Total: u.Used + u.Room, Free: u.Room}
}

// local is how many bytes of a member's file are on this machine.
func (m *member) local(e *catalog.Entry) int64 {
	if e.Size == 0 {
		return 0
	}
	if _, ok := m.share.ByContent(contentOf(e)); ok {
		return e.Size
	}
	return m.holdings.index.Local(contentOf(e))
}
