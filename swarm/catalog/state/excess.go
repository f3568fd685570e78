package state

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
)

// excess returns the absent authors that are too many: of the address group that
// brought most of them the least worth, again and again, until the bound holds
// with some room. Trusted ones are not among them.
func (r *Roster) excess(most int) (list []*author) {
	if len(r.authors) <= most {
		return nil
	}
	absent := r.leastWorth(func(a *author) bool { return a.newest() != nil && a.present == 0 && a.rank != myself })
	excess := len(absent) - most
	if excess <= 0 {
		return nil
	}
	groups := make(map[netip.Prefix][]*author)
	untrusted := 0
	for _, a := range absent {
		if a.rank == stranger {
			groups[a.group] = append(groups[a.group], a)
			untrusted++
		}
	}
	crowd := slices.Collect(maps.Values(groups))
	slices.SortFunc(crowd, func(x, y []*author) int {
		return cmp.Or(cmp.Compare(len(y), len(x)), x[0].group.Addr().Compare(y[0].group.Addr()))
	})
	// One of each of the largest groups in turn, as far as they are larger than
	// the next: so they are cut down to one size.
	for n, first := min(excess+most/20, untrusted), 1; n > 0; {
		for first < len(crowd) && len(crowd[first]) == len(crowd[0]) {
			first++
		}
		for i := first - 1; i >= 0 && n > 0; i, n = i-1, n-1 {
			list = append(list, crowd[i][0])
			crowd[i] = crowd[i][1:]
		}
	}
	return list
}

// leastWorth returns the authors that f holds of: untrusted ones never met
// before others, and who was longest not heard of first.
func (r *Roster) leastWorth(f func(*author) bool) []*author {
	var list []*author
	for _, a := range r.authors {
		if f(a) {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(x, y *author) int {
		return cmp.Or(cmp.Compare(x.standing(), y.standing()), x.seen.Compare(y.seen), slices.Compare(x.key[:], y.key[:]))
	})
	return list
}
