//go:build linux

package fs

import (
	"sync"

	"bazil.org/fuse"
)

// inode is a node that the kernel knows.
type inode struct {
	node  node
	id    fuse.NodeID
	refs  uint64 // lookups the kernel has not forgotten; guarded by table.mu
	entry Entry  // what the tree last said of this very node; guarded by table.mu
}

// table holds the nodes that the kernel knows, by number, by value and by path.
type table struct {
	mu    sync.Mutex
	ids   map[fuse.NodeID]*inode
	nodes map[node]*inode
	paths *paths // to the one looked up last, where a path had several
	next  fuse.NodeID
}

func newTable() *table {
	in := &inode{node: root, id: fuse.RootID, refs: 1, entry: Entry{Kind: Dir}}
	return &table{
		ids:   map[fuse.NodeID]*inode{fuse.RootID: in},
		nodes: map[node]*inode{root: in},
		paths: newPaths(in),
		next:  fuse.RootID + 1,
	}
}

// get returns the inode of a number that the kernel sent, nil for one it
// should not know.
func (t *table) get(id fuse.NodeID) *inode {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ids[id]
}

// ref counts one lookup of n. Numbers are never used twice, so a late forget
// or invalidation cannot hit another node.
func (t *table) ref(n node, e *Entry) *inode {
	t.mu.Lock()
	defer t.mu.Unlock()
	in := t.nodes[n]
	if in == nil {
		in = &inode{node: n, id: t.next}
		t.next++
		t.ids[in.id] = in
		t.nodes[n] = in
	}
	in.refs++
	in.entry = *e
	t.paths.put(n.path, in)
	return in
}

// forget takes back count lookups.
func (t *table) forget(id fuse.NodeID, count uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	in := t.ids[id]
	if in == nil || id == fuse.RootID {
		return
	}
	if in.refs -= min(count, in.refs); in.refs > 0 {
		return
	}
	delete(t.ids, id)
	delete(t.nodes, in.node)
	if t.paths.at(in.node.path) == in {
		t.paths.remove(in.node.path)
	}
}

// entry returns what the tree last said of in.
func (t *table) entry(in *inode) Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	return in.entry
}

// update keeps e as the newest entry of in.
func (t *table) update(in *inode, e *Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	in.entry = *e
}

// at returns the number of the node that the kernel knows at path.
func (t *table) at(path string) (id fuse.NodeID, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if in := t.paths.at(path); in != nil {
		return in.id, true
	}
	return 0, false
}

// under returns path and the known paths below it.
func (t *table) under(path string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := []string{path}
	t.paths.under(path, func(p string) { l = append(l, p) })
	return l
}

// paths finds what the kernel knows by path, and what is below one, at the cost
// of what is there, however much is known elsewhere.
type paths struct {
	top *inode
	// dirs has the names of each directory. Nothing is known at a name that
	// leads to nil, but below it.
	dirs map[string]map[string]*inode
}

func newPaths(top *inode) *paths {
	return &paths{top: top, dirs: map[string]map[string]*inode{}}
}

// at returns what is known at a path, nil for nothing.
func (p *paths) at(path string) *inode {
	if path == "" {
		return p.top
	}
	dir, name := parent(path)
	return p.dirs[dir][name]
}

// put has a path lead to in.
func (p *paths) put(path string, in *inode) {
	if path == "" {
		p.top = in
		return
	}
	dir, name := parent(path)
	names := p.dirs[dir]
	if names == nil {
		names = map[string]*inode{}
		p.dirs[dir] = names
		if dir != "" && p.at(dir) == nil {
			p.put(dir, nil)
		}
	}
	names[name] = in
}

// remove forgets what is at a path.
func (p *paths) remove(path string) {
	dir, name := parent(path)
	if len(p.dirs[path]) > 0 {
		p.dirs[dir][name] = nil
		return
	}
	delete(p.dirs[dir], name)
	if len(p.dirs[dir]) == 0 {
		delete(p.dirs, dir)
		if dir != "" && p.at(dir) == nil {
			p.remove(dir)
		}
	}
}

// under calls f with each known path below one.
func (p *paths) under(path string, f func(path string)) {
	for name, in := range p.dirs[path] {
		at := name
		if path != "" {
			at = path + "/" + name
		}
		if in != nil {
			f(at)
		}
		p.under(at, f)
	}
}
