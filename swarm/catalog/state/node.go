package state

import (
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/names"
	"time"
)

// node is an object that is here, or that something refers to.
type node struct {
	hash       catalog.Hash
	store.Stub           // while it is here
	sum        sum       // while it is complete
	refs       int32     // kids lists and heads it stands in
	missing    int32     // kids that are not complete
	waiting    []waiting // objects here that wait for it to be complete
	at         []int32   // by kid: one more than where this stands in its waiting; 0: nowhere
	since      time.Time // when it became unused
	here       bool
	complete   bool // it and all under it are here and well-formed
	bad        bool // it or something under it is not well-formed
	gone       bool // deleted
	unused     bool // nothing refers to it
	watched    bool // a head waits for it, or did
	settled    bool // a head with it was settled since it came
}

// sum is the tree under an object, whose objects count as often as they are
// named.
type sum struct {
	height  int // of paths, components
	entries int64
	bytes   int64 // sum of the weights
}

// waiting is an object that waits for one of its kids, and which.
type waiting struct {
	n   *node
	kid int32
}

// await notes that n waits for its i-th kid.
func (n *node) await(i int, kid *node) {
	if n.at == nil {
		n.at = make([]int32, len(n.Kids))
	}
	kid.waiting = append(kid.waiting, waiting{n, int32(i)})
	n.at[i] = int32(len(kid.waiting))
	n.missing++
}

// forgo notes that n does not wait for its i-th kid, if it did.
func (n *node) forgo(i int, kid *node) {
	if n.at == nil || n.at[i] == 0 {
		return
	}
	last := kid.waiting[len(kid.waiting)-1]
	kid.waiting[n.at[i]-1] = last
	last.n.at[last.kid] = n.at[i]
	kid.cut()
	n.at[i] = 0
	n.missing--
}

// release takes the last of those who wait for n off its list and returns it.
func (n *node) release() *node {
	w := n.waiting[len(n.waiting)-1]
	n.cut()
	w.n.at[w.kid] = 0
	w.n.missing--
	return w.n
}

// cut shortens the list of those who wait by one.
func (n *node) cut() {
	n.waiting[len(n.waiting)-1] = waiting{}
	if n.waiting = n.waiting[:len(n.waiting)-1]; len(n.waiting) == 0 {
		n.waiting = nil
	}
}

// add adds up what is under a node whose kids are all complete. False if they
// do not fit together.
func (g *graph) add(n *node) bool {
	t := sum{entries: int64(n.Own), bytes: n.Weight()}
	if n.Own > 0 {
		t.height = 1
	}
	for _, k := range n.Kids {
		kid := g.nodes[k].sum
		t.entries = min(t.entries+kid.entries, g.limits.Entries+1)
		t.bytes = min(t.bytes+kid.bytes, g.limits.Author+1)
		if n.Level == 0 {
			t.height = max(t.height, kid.height+1)
		} else {
			t.height = max(t.height, kid.height)
		}
	}
	n.sum = t
	if n.Level == 0 {
		return t.height <= names.MaxDepth
	}
	return g.addIndex(n)
}

// addIndex checks that an index tells the truth about its children and that
// their names are in order.
func (g *graph) addIndex(n *node) bool {
	o, err := g.store.Load(n.hash)
	if err != nil || len(o.Kids) != len(n.Kids) {
		return false
	}
	last := ""
	for i := range o.Kids {
		kid := g.nodes[o.Kids[i].Hash]
		if kid.Level != n.Level-1 || kid.First == "" || kid.First != o.Kids[i].First || kid.First <= last {
			return false
		}
		last = kid.Last
	}
	n.First, n.Last = o.Kids[0].First, last
	return true
}
