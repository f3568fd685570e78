//go:build linux

package fs

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"bazil.org/fuse"
)

// plus decodes a listing with attributes (struct fuse_direntplus): numbers and
// validities of the nodes by name, and where it goes on.
func plus(t *testing.T, b []byte) (nodes map[string]fuse.NodeID, valid map[string]uint64, next int64) {
	t.Helper()
	nodes, valid = map[string]fuse.NodeID{}, map[string]uint64{}
	for len(b) > 0 {
		size := direntSize(string(make([]byte, order.Uint32(b[entrySize+16:]))))
		l, n := dirents(t, b[entrySize:entrySize+size])
		nodes[l[0].Name], valid[l[0].Name], next = fuse.NodeID(order.Uint64(b)), order.Uint64(b[16:]), n
		if order.Uint64(b[24:]) != order.Uint64(b[16:]) || l[0].Name != "." && l[0].Name != ".." && order.Uint64(b[40:]) != l[0].Inode {
			t.Errorf("%s: name valid for %d s, attributes for %d; inode %d, listed as %d", l[0].Name,
				order.Uint64(b[16:]), order.Uint64(b[24:]), order.Uint64(b[40:]), l[0].Inode)
		}
		b = b[entrySize+size:]
	}
	return nodes, valid, next
}

// A listing with attributes looks its names up, each once: what the kernel was
// told can be forgotten, and nothing else was counted.
func TestReaddirplus(t *testing.T) {
	tree := newMem()
	for i := range 20 {
		tree.put(fmt.Sprintf("d/f%02d", i), nil)
	}
	f := newFiles(tree)
	id := openDir(t, f, find(t, f, "d"))
	all := map[string]fuse.NodeID{}
	for off := int64(0); ; {
		data, refs, err := f.readdirplus(t.Context(), id, off, 1000)
		if err != nil || len(data) > 1000 {
			t.Fatal(len(data), err)
		}
		if len(data) == 0 {
			break
		}
		nodes, valid, next := plus(t, data)
		off = next
		named := 0
		for name, node := range nodes {
			if name == "." || name == ".." {
				if node != 0 {
					t.Errorf("%s is looked up", name)
				}
				continue
			}
			named++
			if all[name] = node; valid[name] != uint64(validity/time.Second) {
				t.Errorf("%s is kept for %d s", name, valid[name])
			}
		}
		if named != len(refs) {
			t.Errorf("%d names, %d references", named, len(refs))
		}
	}
	if len(all) != 20 {
		t.Errorf("%d names, want 20", len(all))
	}
	for name, node := range all {
		if in := f.nodes.get(node); in == nil || in.node.path != "d/"+name {
			t.Errorf("%s is node %d, which is %v", name, node, in)
		}
		if f.nodes.forget(node, 1); f.nodes.get(node) != nil {
			t.Errorf("%s was counted more than once", name)
		}
	}
	if data, _, err := f.readdirplus(t.Context(), id, -1, 1000); len(data) != 0 || err != nil {
		t.Errorf("at -1: %d bytes, %v", len(data), err)
	}
}

// What was announced after the directory was asked may have passed the listing:
// the kernel must not keep it.
func TestReaddirplusStale(t *testing.T) {
	tree := newMem()
	tree.put("f", nil)
	f := newFiles(tree)
	id := openDir(t, f, fuse.RootID)
	if _, _, err := f.readdirplus(t.Context(), id, 0, 200); err != nil { // "." only
		t.Fatal(err)
	}
	f.changes.Add(1)
	data, _, err := f.readdirplus(t.Context(), id, 2, 4096)
	if err != nil {
		t.Fatal(err)
	}
	if nodes, valid, _ := plus(t, data); len(nodes) != 1 || valid["f"] != 0 {
		t.Errorf("listed %v, kept for %d s", nodes, valid["f"])
	}
}

// Attributes are the same, whichever way the kernel got them.
func TestMountListedAttributes(t *testing.T) {
	tree := newMem()
	tree.put("dir/x", []byte("x"))
	tree.put("file", noise(1, 5000)).e.MTime = time.Unix(1_700_000_000, 123456789)
	tree.put("tool", []byte("#!")).e.Exec = true
	tree.put("part", make([]byte, 1<<20)).e.Local = 1 << 19
	tree.set("link", &memFile{e: Entry{Kind: Symlink, Target: "file"}})
	stat := func(m *Mountpoint, listFirst bool) map[string]string {
		out := map[string]string{}
		if listFirst {
			run(t, "ls", "-l", m.Dir())
		}
		before := m.Stats().Requests
		for _, name := range []string{"dir", "file", "tool", "part", "link"} {
			i, err := os.Lstat(filepath.Join(m.Dir(), name))
			if err != nil {
				t.Fatal(err)
			}
			s := i.Sys().(*syscall.Stat_t)
			out[name] = fmt.Sprint(s.Ino, s.Mode, s.Nlink, s.Uid, s.Gid, s.Size, s.Blksize, s.Blocks, s.Mtim, s.Ctim, s.Atim)
		}
		if asked := m.Stats().Requests - before; listFirst && asked > 1 { // the release of the directory
			t.Errorf("%d requests for names that were listed", asked)
		}
		return out
	}
	looked, listed := stat(mount(t, tree), false), stat(mount(t, tree), true)
	for name := range looked {
		if looked[name] != listed[name] {
			t.Errorf("%s: looked up %s, listed %s", name, looked[name], listed[name])
		}
	}
}
