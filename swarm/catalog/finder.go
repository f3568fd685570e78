package catalog

// finder finds items of one directory, fast if they are asked for in order.
// The zero root is no directory.
type finder struct {
	store    *Store
	root     Hash
	leaf     *object // the shard of the last find: of names from, up to before to
	from, to string  // to: "" is no end
}

// find returns the item of that name, or nil.
func (f *finder) find(name string) (*item, error) {
	if f.root == (Hash{}) {
		return nil, nil
	}
	if f.leaf == nil || name < f.from || f.to != "" && name >= f.to {
		o, err := f.descend(name, 0)
		if o == nil || err != nil {
			return nil, err
		}
		f.leaf = o
	}
	return f.leaf.find(name), nil
}

// descend returns the object of a level under which a name is. nil: none is.
func (f *finder) descend(name string, level int) (*object, error) {
	f.from, f.to, f.leaf = "", "", nil
	o, err := f.store.load(f.root)
	for err == nil && o.level > level {
		i := o.below(name)
		if i < 0 {
			return nil, nil
		}
		f.from = o.kids[i].first
		if i+1 < len(o.kids) {
			f.to = o.kids[i+1].first
		}
		o, err = f.store.load(o.kids[i].hash)
	}
	return o, err
}

// has reports whether the directory has a child of an index object.
func (f *finder) has(k kid, level int) (bool, error) {
	if f.root == (Hash{}) {
		return false, nil
	}
	if f.root == k.hash {
		return true, nil
	}
	o, err := f.descend(k.first, level+1)
	if o == nil || err != nil || o.level != level+1 {
		return false, err
	}
	i := o.below(k.first)
	return i >= 0 && o.kids[i].hash == k.hash, nil
}
