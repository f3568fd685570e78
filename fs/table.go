//go:build linux

package fs

import (
	"strings"
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
	paths map[string]*inode // the one looked up last, where a path had several
	next  fuse.NodeID
}

func newTable() *table {
	in := &inode{node: root, id: fuse.RootID, refs: 1, entry: Entry{Kind: Dir}}
	return &table{
		ids:   map[fuse.NodeID]*inode{fuse.RootID: in},
		nodes: map[node]*inode{root: in},
		paths: map[string]*inode{"": in},
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
	t.paths[n.path] = in
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
	if t.paths[in.node.path] == in {
		delete(t.paths, in.node.path)
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
	if in := t.paths[path]; in != nil {
		return in.id, true
	}
	return 0, false
}

// under returns path and the known paths below it.
func (t *table) under(path string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := []string{path}
	for p := range t.paths {
		if p != path && (path == "" || strings.HasPrefix(p, path) && p[len(path)] == '/') {
			l = append(l, p)
		}
	}
	return l
}
