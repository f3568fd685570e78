package state

import (
	"fmt"
	"p2pfs/swarm/catalog"
	"slices"
	"testing"
)

// What is missing is told also where it lies deep behind thousands of objects
// that have come, without looking at those.
func TestMissingBehindMuch(t *testing.T) {
	m := newMeter(t)
	last := catalog.AppendShard(nil, []catalog.Item{{Name: "last"}})
	var tree [][]byte
	below := last
	for level := range 40 {
		dirs := []catalog.Item{dirItem("a", below)}
		for i := range 200 {
			o := catalog.AppendShard(nil, []catalog.Item{{Name: fmt.Sprint(level, "-", i)}})
			tree = append(tree, o)
			dirs = append(dirs, dirItem(fmt.Sprintf("b%03d", i), o))
		}
		below = catalog.AppendShard(nil, dirs)
		tree = append(tree, below)
	}
	slices.Reverse(tree)
	h := signRoot(t, m.peer, 2, 1, catalog.HashObject(below))
	m.give(h, tree...)
	m.call(func() {
		if got := m.Missing(h.Key); len(got) != 1 || got[0] != catalog.HashObject(last) {
			t.Errorf("got %v", got)
		}
	})
	m.call(func() { m.PutObject(last, m.now) })
	m.settle()
	if len(m.View().Members()) != 1 || len(m.Missing(h.Key)) != 0 {
		t.Error("it is not shown, or something is missing still")
	}
}
