package store

import (
	"p2pfs/swarm/catalog"
)

// One member's directories, read from the store.

// Leaves returns the shards of a directory in order. first of the very first
// may be empty.
func (s *Store) Leaves(root catalog.Hash) ([]catalog.Kid, error) {
	list := []catalog.Kid{{Hash: root}}
	for {
		o, err := s.Load(list[0].Hash)
		if err != nil || o.Level == 0 {
			return list, err
		}
		var below []catalog.Kid
		for _, k := range list {
			if o, err = s.Load(k.Hash); err != nil {
				return nil, err
			}
			below = append(below, o.Kids...)
		}
		list = below
	}
}

// Find returns the item of that name in a directory, or nil.
func (s *Store) Find(root catalog.Hash, name string) (*catalog.Item, error) {
	f := s.Finder(root)
	return f.Find(name)
}

// Each calls f with every item of a directory, in order.
func (s *Store) Each(root catalog.Hash, f func(*catalog.Item) error) error {
	leaves, err := s.Leaves(root)
	if err != nil {
		return err
	}
	return s.eachOf(leaves, f)
}

func (s *Store) eachOf(leaves []catalog.Kid, f func(*catalog.Item) error) error {
	for _, k := range leaves {
		o, err := s.Load(k.Hash)
		if err != nil {
			return err
		}
		for i := range o.Items {
			if err := f(&o.Items[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
