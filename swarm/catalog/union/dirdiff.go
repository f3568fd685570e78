package union

import (
	"cmp"
	"errors"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
)

// errMuch is a comparison that would look at more than it may.
var errMuch = errors.New("too much to compare")

// dirDiff compares directories of one member.
type dirDiff struct {
	store *store.Store
	left  int // visits of entries and objects that it may still make
}

// spend counts visits. errMuch if they are more than there may be.
func (d *dirDiff) spend(n int) error {
	if d.left -= n; d.left < 0 {
		return errMuch
	}
	return nil
}

// diff calls f with the items by which two directories differ, in order of
// their names; one of the two is nil where the name is new or gone. Zero
// stands for no directory. Equal objects are not looked into.
func (d *dirDiff) diff(before, after catalog.Hash, f func(was, is *catalog.Item) error) error {
	was, is, err := d.items(before, after)
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
			c = cmp.Compare(was[0].Name, is[0].Name)
		}
		var x, y *catalog.Item
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

// items returns the items of the shards that only one of two directories has.
func (d *dirDiff) items(before, after catalog.Hash) (was, is []*catalog.Item, err error) {
	if before == after {
		return nil, nil, nil
	}
	x, err := d.top(before)
	if err != nil {
		return nil, nil, err
	}
	y, err := d.top(after)
	if err != nil {
		return nil, nil, err
	}
	for level := max(levelOf(x), levelOf(y)); level > 0; level-- {
		if x, err = d.expand(x, level); err != nil {
			return nil, nil, err
		}
		if y, err = d.expand(y, level); err != nil {
			return nil, nil, err
		}
		x, y = unshared(x, y), unshared(y, x)
	}
	if was, err = d.itemsOf(x); err != nil {
		return nil, nil, err
	}
	is, err = d.itemsOf(y)
	return was, is, err
}

// side is an object of one of the two directories.
type side struct {
	hash  catalog.Hash
	level int
}

func levelOf(list []side) int {
	if len(list) == 0 {
		return 0
	}
	return list[0].level
}

func (d *dirDiff) top(root catalog.Hash) ([]side, error) {
	if root == (catalog.Hash{}) {
		return nil, nil
	}
	o, err := d.store.Load(root)
	if err != nil {
		return nil, err
	}
	return []side{{root, o.Level}}, nil
}

// expand puts the children of index objects of a level in their place.
func (d *dirDiff) expand(list []side, level int) ([]side, error) {
	if levelOf(list) != level {
		return list, nil
	}
	var below []side
	for _, s := range list {
		o, err := d.store.Load(s.hash)
		if err == nil {
			err = d.spend(len(o.Kids))
		}
		if err != nil {
			return nil, err
		}
		for _, k := range o.Kids {
			below = append(below, side{k.Hash, level - 1})
		}
	}
	return below, nil
}

// unshared returns what of list is not in other.
func unshared(list, other []side) (rest []side) {
	shared := make(map[side]bool, len(other))
	for _, s := range other {
		shared[s] = true
	}
	for _, s := range list {
		if !shared[s] {
			rest = append(rest, s)
		}
	}
	return rest
}

func (d *dirDiff) itemsOf(shards []side) (items []*catalog.Item, err error) {
	for _, s := range shards {
		o, err := d.store.Load(s.hash)
		if err == nil {
			err = d.spend(len(o.Items))
		}
		if err != nil {
			return nil, err
		}
		for i := range o.Items {
			items = append(items, &o.Items[i])
		}
	}
	return items, nil
}
