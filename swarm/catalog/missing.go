package catalog

// Bounds on what missing looks at where it is not to find all: once it has found
// something, and in any case.
const (
	missingVisits = 1 << 10
	missingMost   = 1 << 14
)

// missing returns objects under one that are not here and that others wait for.
// It follows only who waits, so that it comes to one of them at once.
func (g *graph) missing(root Hash, all bool) (list []Hash) {
	type at struct {
		n    *node
		next int
	}
	n := g.nodes[root]
	switch {
	case n == nil || n.bad:
		return nil
	case !n.here:
		return []Hash{root}
	}
	seen := map[Hash]bool{root: true}
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
		if p.n.at[i] == 0 || seen[p.n.kids[i]] {
			continue
		}
		visits++
		kid := g.nodes[p.n.kids[i]]
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
	root    Hash
	seen    map[Hash]bool
	pending []Hash
	weight  int64
}

func newSurvey(root Hash) *survey {
	return &survey{root: root, seen: map[Hash]bool{root: true}, pending: []Hash{root}}
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
		v.weight += n.weight()
		g.pace.spend(len(n.kids))
		for _, k := range n.kids {
			if !v.seen[k] {
				v.seen[k] = true
				v.pending = append(v.pending, k)
			}
		}
	}
	return true
}
