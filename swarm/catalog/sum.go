package catalog

import "p2pfs/swarm/names"

// add adds up what is under a node whose kids are all complete. False if they
// do not fit together.
func (g *graph) add(n *node) bool {
	t := sum{entries: int64(n.own), bytes: n.weight()}
	if n.own > 0 {
		t.height = 1
	}
	for _, k := range n.kids {
		kid := g.nodes[k].sum
		t.entries = min(t.entries+kid.entries, g.limits.Entries+1)
		t.bytes = min(t.bytes+kid.bytes, g.limits.Author+1)
		if n.level == 0 {
			t.height = max(t.height, kid.height+1)
		} else {
			t.height = max(t.height, kid.height)
		}
	}
	n.sum = t
	if n.level == 0 {
		return t.height <= names.MaxDepth
	}
	return g.addIndex(n)
}

// addIndex checks that an index tells the truth about its children and that
// their names are in order.
func (g *graph) addIndex(n *node) bool {
	o, err := g.store.load(n.hash)
	if err != nil || len(o.kids) != len(n.kids) {
		return false
	}
	last := ""
	for i := range o.kids {
		kid := g.nodes[o.kids[i].hash]
		if kid.level != n.level-1 || kid.first == "" || kid.first != o.kids[i].first || kid.first <= last {
			return false
		}
		last = kid.last
	}
	n.first, n.last = o.kids[0].first, last
	return true
}
