package catalog

import (
	"maps"
	"slices"
)

// survey walks what is here under an object: what is missing, and the weight
// of the rest.
type survey struct {
	root    Hash
	seen    map[Hash]bool
	pending []Hash
	missing []Hash
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
	g.spend(1)
	switch {
	case n == nil || n.bad:
	case n.complete:
		v.weight += n.bytes
	case !n.here:
		v.missing = append(v.missing, h)
	default:
		v.weight += n.weight()
		g.spend(len(n.kids))
		for _, k := range n.kids {
			if !v.seen[k] {
				v.seen[k] = true
				v.pending = append(v.pending, k)
			}
		}
	}
	return true
}

// rejectHeavy gives up heads of which more has come than an author may have.
// Those that are looked at already are not looked at again meanwhile.
func (s *State) rejectHeavy() {
	if len(s.weighing) == 0 {
		s.weighing = slices.Collect(maps.Keys(s.roots))
	}
	s.advance()
}

// weighOne goes on with that. False if there is nothing to be weighed.
func (s *State) weighOne() bool {
	if s.survey == nil {
		if len(s.weighing) == 0 {
			return false
		}
		s.survey = newSurvey(s.weighing[len(s.weighing)-1])
		s.weighing = s.weighing[:len(s.weighing)-1]
	}
	v := s.survey
	if v.step(&s.graph) && v.weight <= s.limits.Author {
		return true
	}
	s.survey = nil
	if v.weight > s.limits.Author {
		for k := range maps.Clone(s.roots[v.root]) {
			s.spend(1)
			s.reject(s.authors[k])
		}
	}
	return true
}
