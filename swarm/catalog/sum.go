package catalog

import "p2pfs/swarm/names"

// sum adds up what is under a node whose kids are all complete. False if they
// do not fit together.
func (g *graph) sum(n *node) bool {
	n.entries, n.bytes = int64(n.own), n.weight()
	if n.own > 0 {
		n.height = 1
	}
	for _, k := range n.kids {
		kid := g.nodes[k]
		n.entries = min(n.entries+kid.entries, g.limits.Entries+1)
		n.bytes = min(n.bytes+kid.bytes, g.limits.Author+1)
		if n.level == 0 {
			n.height = max(n.height, kid.height+1)
		} else {
			n.height = max(n.height, kid.height)
		}
	}
	if n.level == 0 {
		return n.height <= names.MaxDepth
	}
	return g.sumIndex(n)
}

// sumIndex checks that an index tells the truth about its children and that
// their names are in order.
func (g *graph) sumIndex(n *node) bool {
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
