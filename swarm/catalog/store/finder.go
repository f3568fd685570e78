package store

import "p2pfs/swarm/catalog"

// Finder finds items of one directory, fast if they are asked for in order.
// The zero root is no directory.
type Finder struct {
	store    *Store
	root     catalog.Hash
	leaf     *catalog.Object // the shard of the last find: of names from, up to before to
	from, to string          // to: "" is no end
}

// Finder returns a finder in the directory whose topmost object that is.
func (s *Store) Finder(root catalog.Hash) Finder { return Finder{store: s, root: root} }

// Find returns the item of that name, or nil.
func (f *Finder) Find(name string) (*catalog.Item, error) {
	if f.root == (catalog.Hash{}) {
		return nil, nil
	}
	if f.leaf == nil || name < f.from || f.to != "" && name >= f.to {
		o, err := f.descend(name, 0)
		if o == nil || err != nil {
			return nil, err
		}
		f.leaf = o
	}
	return f.leaf.Find(name), nil
}

// descend returns the object of a level under which a name is. nil: none is.
func (f *Finder) descend(name string, level int) (*catalog.Object, error) {
	f.from, f.to, f.leaf = "", "", nil
	o, err := f.store.Load(f.root)
	for err == nil && o.Level > level {
		i := o.Below(name)
		if i < 0 {
			return nil, nil
		}
		f.from = o.Kids[i].First
		if i+1 < len(o.Kids) {
			f.to = o.Kids[i+1].First
		}
		o, err = f.store.Load(o.Kids[i].Hash)
	}
	return o, err
}

// Has reports whether the directory has a child of an index object.
func (f *Finder) Has(k catalog.Kid, level int) (bool, error) {
	if f.root == (catalog.Hash{}) {
		return false, nil
	}
	if f.root == k.Hash {
		return true, nil
	}
	o, err := f.descend(k.First, level+1)
	if o == nil || err != nil || o.Level != level+1 {
		return false, err
	}
	i := o.Below(k.First)
	return i >= 0 && o.Kids[i].Hash == k.Hash, nil
}
