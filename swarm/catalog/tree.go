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
