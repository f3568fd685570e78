package catalog

import (
	"cmp"
	"slices"
)

// One member's directories, read from the store.

// leaves returns the shards of a directory in order. first of the very first
// may be empty.
func (s *Store) leaves(root Hash) ([]kid, error) {
	list := []kid{{hash: root}}
	for {
		o, err := s.load(list[0].hash)
		if err != nil || o.level == 0 {
			return list, err
		}
		var below []kid
		for _, k := range list {
			if o, err = s.load(k.hash); err != nil {
				return nil, err
			}
			below = append(below, o.kids...)
		}
		list = below
	}
}

// find returns the item of that name in a directory, or nil.
func (s *Store) find(root Hash, name string) (*item, error) {
	for {
		o, err := s.load(root)
		if err != nil {
			return nil, err
		}
		if o.level == 0 {
			return o.find(name), nil
		}
		i, ok := slices.BinarySearchFunc(o.kids, name, func(k kid, name string) int {
			return cmp.Compare(k.first, name)
		})
		if !ok {
			i--
		}
		if i < 0 {
			return nil, nil
		}
		root = o.kids[i].hash
	}
}

// seeker finds items of one directory fast if they are asked for in order.
type seeker struct {
	store  *Store
	root   Hash
	leaves []kid
	at     int     // index of leaf; valid if leaf is not nil
	leaf   *object // the shard of the last find
}

// find returns the item of that name, or nil.
func (k *seeker) find(name string) (*item, error) {
	if k.leaves == nil {
		var err error
		if k.leaves, err = k.store.leaves(k.root); err != nil {
			return nil, err
		}
	}
	inLeaf := k.leaf != nil && name >= k.leaves[k.at].first && (k.at+1 == len(k.leaves) || name < k.leaves[k.at+1].first)
	if !inLeaf {
		at, ok := slices.BinarySearchFunc(k.leaves, name, func(x kid, name string) int { return cmp.Compare(x.first, name) })
		if !ok {
			at--
		}
		if at < 0 {
			return nil, nil
		}
		leaf, err := k.store.load(k.leaves[at].hash)
		if err != nil {
			return nil, err
		}
		k.at, k.leaf = at, leaf
	}
	return k.leaf.find(name), nil
}

// find returns the item of that name in a shard, or nil.
func (o *object) find(name string) *item {
	i, ok := slices.BinarySearchFunc(o.items, name, func(it item, name string) int { return cmp.Compare(it.name, name) })
	if !ok {
		return nil
	}
	return &o.items[i]
}

// each calls f with every item of a directory, in order.
func (s *Store) each(root Hash, f func(*item) error) error {
	leaves, err := s.leaves(root)
	if err != nil {
		return err
	}
	return s.eachOf(leaves, f)
}

func (s *Store) eachOf(leaves []kid, f func(*item) error) error {
	for _, k := range leaves {
		o, err := s.load(k.hash)
		if err != nil {
			return err
		}
		for i := range o.items {
			if err := f(&o.items[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// diff calls f with the items by which two directories differ, in order of
// their names; one of the two is nil where the name is new or gone. Zero
// stands for no directory. Equal shards are not looked into.
func (s *Store) diff(before, after Hash, f func(was, is *item) error) error {
	if before == after {
		return nil
	}
	was, err := s.unshared(before, after)
	if err != nil {
		return err
	}
	is, err := s.unshared(after, before)
	if err != nil {
		return err
	}
	for len(was) > 0 || len(is) > 0 {
		c := 0
		switch {
		case len(was) == 0:
			c = 1
		case len(is) == 0:
			c = -1
		default:
			c = cmp.Compare(was[0].name, is[0].name)
		}
		var x, y *item
		if c <= 0 {
			x, was = was[0], was[1:]
		}
		if c >= 0 {
			y, is = is[0], is[1:]
		}
		if x != nil && y != nil && *x == *y {
			continue
		}
		if err := f(x, y); err != nil {
			return err
		}
	}
	return nil
}

// unshared returns the items of the shards of root that other does not have.
func (s *Store) unshared(root, other Hash) ([]*item, error) {
	if root == (Hash{}) {
		return nil, nil
	}
	leaves, err := s.leaves(root)
	if err != nil {
		return nil, err
	}
	if other != (Hash{}) {
		others, err := s.leaves(other)
		if err != nil {
			return nil, err
		}
		shared := make(map[Hash]bool, len(others))
		for _, k := range others {
			shared[k.hash] = true
		}
		leaves = slices.DeleteFunc(leaves, func(k kid) bool { return shared[k.hash] })
	}
	var items []*item
	err = s.eachOf(leaves, func(it *item) error {
		items = append(items, it)
		return nil
	})
	return items, err
}
