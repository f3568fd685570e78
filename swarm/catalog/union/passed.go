package union

import (
	"errors"
	"io/fs"
	"p2pfs/swarm/catalog"
	"slices"
)

// passed compares a path whose bare name may have passed from one member to
// another though neither changed his copy, and all under it.
func (d *differ) passed(path string) error {
	was, name, err := d.old.parent(path)
	if err != nil {
		return unlessGone(err)
	}
	is, _, err := d.new.parent(path)
	if err != nil {
		return unlessGone(err)
	}
	if err := d.compare(was, is, []string{name}); err != nil {
		return err
	}
	return d.deep(was, is, name)
}

// unlessGone drops fs.ErrNotExist: a directory that only one view has is a
// change itself.
func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// deep compares what several members have under a directory that both views
// show.
func (d *differ) deep(was, is place, dir string) error {
	if d.spend(1+(len(was.parts)+len(is.parts))/4) != nil {
		d.vague(is)
		return nil
	}
	x, err := d.old.child(was, dir)
	if err != nil {
		return unlessGone(err)
	}
	y, err := d.new.child(is, dir)
	if err != nil {
		return unlessGone(err)
	}
	if x.kind() != catalog.KindDir || y.kind() != catalog.KindDir || len(y.sources) < 2 {
		return nil
	}
	was, is = was.below(x), is.below(y)
	if wide, err := d.wide(is); err != nil || wide {
		d.vague(is)
		return err
	}
	m, err := d.new.merged(is)
	if err != nil {
		return err
	}
	var names []string
	for i := range m.shown {
		sh := &m.shown[i]
		if name := sh.sources[0].item.Name; len(sh.sources) > 1 || sh.name != name {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if err := d.compare(was, is, names); err != nil {
		return err
	}
	for _, name := range names {
		if err := d.deep(was, is, name); err != nil {
			return err
		}
	}
	return nil
}
