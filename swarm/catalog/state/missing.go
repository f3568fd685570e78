package state

import "p2pfs/swarm/catalog"

// Bounds on what missing looks at where it is not to find all: once it has found
// something, and in any case.
const (
	missingVisits = 1 << 10
	missingMost   = 1 << 14
)

// missing returns objects under one that are not here and that others wait for.
// It follows only who waits, so that it comes to one of them at once.
func (g *graph) missing(root catalog.Hash, all bool) (list []catalog.Hash) {
	type at struct {
		n    *node
		next int
	}
	n := g.nodes[root]
	switch {
	case n == nil || n.bad:
		return nil
	case !n.here:
		return []catalog.Hash{root}
	}
	seen := map[catalog.Hash]bool{root: true}
	visits := 0
	for path := []at{{n, 0}}; len(path) > 0; {
		if !all && (visits > missingMost || visits > missingVisits && len(list) > 0) {
			break
		}
		p := &path[len(path)-1]
		if p.next == len(p.n.at) { // also of those that are complete
			path = path[:len(path)-1]
			continue
		}
		i := p.next
		p.next++
		if p.n.at[i] == 0 || seen[p.n.Kids[i]] {
			continue
		}
		visits++
		kid := g.nodes[p.n.Kids[i]]
		seen[kid.hash] = true
		if kid.here {
			path = append(path, at{kid, 0})
		} else {
			list = append(list, kid.hash)
		}
	}
	g.pace.spend(visits)
	return list
}

// survey finds out the weight of what is here under an object.
type survey struct {
	root    catalog.Hash
	seen    map[catalog.Hash]bool
	pending []catalog.Hash
	weight  int64
}

func newSurvey(root catalog.Hash) *survey {
	return &survey{root: root, seen: map[catalog.Hash]bool{root: true}, pending: []catalog.Hash{root}}
}

// step looks at one object. False if there is none left.
func (v *survey) step(g *graph) bool {
	if len(v.pending) == 0 {
		return false
	}
	h := v.pending[len(v.pending)-1]
	v.pending = v.pending[:len(v.pending)-1]
	n := g.nodes[h]
	g.pace.spend(1)
	switch {
	case n == nil || n.bad || !n.here:
	case n.complete:
		v.weight += n.sum.bytes
	default:
		v.weight += n.Weight()
		g.pace.spend(len(n.Kids))
		for _, k := range n.Kids {
			if !v.seen[k] {
				v.seen[k] = true
				v.pending = append(v.pending, k)
			}
		}
	}
	return true
}
