//go:build linux

package fs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bazil.org/fuse"
)

func TestTableForget(t *testing.T) {
	tab := newTable()
	old, now := node{"p", File, [32]byte{1}}, node{"p", File, [32]byte{2}}
	a := tab.ref(old, &Entry{Size: 1})
	if b := tab.ref(old, &Entry{Size: 1}); b != a || a.refs != 2 {
		t.Fatalf("the same node became %v and %v", a, b)
	}
	c := tab.ref(now, &Entry{Size: 2})
	if id, ok := tab.at("p"); !ok || id != c.id {
		t.Errorf("at(p) = %d, %v, want the newest, %d", id, ok, c.id)
	}
	tab.forget(a.id, 1)
	if tab.get(a.id) != a {
		t.Error("forgotten one lookup early")
	}
	tab.forget(a.id, 1)
	if tab.get(a.id) != nil {
		t.Error("not forgotten")
	}
	if id, ok := tab.at("p"); !ok || id != c.id {
		t.Errorf("forgetting the old version took the path from the new one: %d, %v", id, ok)
	}
	tab.forget(c.id, 100) // more than there are
	tab.forget(c.id, 1)   // again
	if _, ok := tab.at("p"); ok || tab.len() != 1 {
		t.Errorf("%d nodes left, want the root", tab.len())
	}
	if d := tab.ref(old, &Entry{}); d.id == a.id || d.id == c.id {
		t.Errorf("number %d used twice", d.id)
	}
	tab.forget(fuse.RootID, 1<<40)
	if tab.get(fuse.RootID) == nil {
		t.Error("the root was forgotten")
	}
}

func TestTableUnder(t *testing.T) {
	tab := newTable()
	for _, p := range []string{"a", "a/b", "a/b/c", "ab", "a-b", "b/a"} {
		tab.ref(node{path: p}, &Entry{})
	}
	tests := []struct {
		path string
		want []string
	}{
		{"a", []string{"a", "a/b", "a/b/c"}},
		{"a/b/c", []string{"a/b/c"}},
		{"c", []string{"c"}},
		{"", []string{"", "a", "a-b", "a/b", "a/b/c", "ab", "b/a"}},
	}
	for _, tt := range tests {
		got := tab.under(tt.path)
		slices.Sort(got)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("under(%q) = %q, want %q", tt.path, got, tt.want)
		}
	}
}

// Random lookups and forgets: the three maps always agree.
func TestTableRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tab := newTable()
	refs := map[fuse.NodeID]uint64{}
	for range 20_000 {
		if r.IntN(2) == 0 || len(refs) == 0 {
			n := node{path: string(rune('a' + r.IntN(20))), content: [32]byte{byte(r.IntN(3))}}
			refs[tab.ref(n, &Entry{}).id]++
		} else {
			for id, n := range refs {
				k := 1 + r.Uint64N(n)
				tab.forget(id, k)
				if refs[id] -= k; refs[id] == 0 {
					delete(refs, id)
				}
				break
			}
		}
		if tab.len() != len(refs)+1 || len(tab.nodes) != len(tab.ids) {
			t.Fatalf("%d nodes, %d by value, want %d", tab.len(), len(tab.nodes), len(refs)+1)
		}
	}
	for id, n := range refs {
		if in := tab.get(id); in == nil || in.refs != n || tab.nodes[in.node] != in {
			t.Errorf("node %d: %+v, want %d references", id, in, n)
		}
	}
	for p, in := range tab.paths.dirs[""] {
		if tab.ids[in.id] != in || in.node.path != p {
			t.Errorf("path %q leads to %+v", p, in)
		}
	}
}

// len returns how many nodes the kernel knows.
func (t *table) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.ids)
}

// Random puts and removals, of directories before what is in them, too: all is
// as in a plain map.
func TestPathsAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	p := newPaths(nil)
	model := map[string]*inode{}
	for range 20_000 {
		path := "a"
		for range r.IntN(4) {
			path += fmt.Sprint("/", r.IntN(3))
		}
		if in := model[path]; in != nil && r.IntN(2) == 0 {
			p.remove(path)
			delete(model, path)
		} else {
			model[path] = &inode{}
			p.put(path, model[path])
		}
		if p.at(path) != model[path] {
			t.Fatalf("%s leads to %v, want %v", path, p.at(path), model[path])
		}
		var got, want []string
		p.under(path, func(path string) { got = append(got, path) })
		for known := range model {
			if strings.HasPrefix(known, path+"/") {
				want = append(want, known)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("below %s: %q, want %q", path, got, want)
		}
	}
	for path := range maps.Clone(model) {
		p.remove(path)
	}
	if len(p.dirs) != 0 {
		t.Errorf("%d directories left of nothing", len(p.dirs))
	}
}
