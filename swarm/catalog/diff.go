package catalog

import (
	"errors"
	"io/fs"
	"slices"
)

// ChangeKind says what changed at a path.
type ChangeKind uint8

// The kinds of a change.
const (
	Added    ChangeKind = iota // a name that was not there
	Removed                    // with all that was under it
	Replaced                   // other content or another kind under the same name
	Touched                    // the attributes alone: mtime, x bit, V1
)

// Change is a path at which two views differ. Of a directory that came or went
// nothing under it is told.
type Change struct {
	Path string
	Kind ChangeKind
}

// Diff returns the paths at which two views of one drive differ, in no order.
// What both have in common costs nothing: equal objects are not looked into.
// It may read from disk. Who the sources of an entry are is not compared.
//
// Between views that are far apart (hundreds of conflicts have come and gone)
// a bare name may have passed to a member who has had the same copy all along:
// that is not told.
func Diff(old, new *View) ([]Change, error) {
	d := differ{old: old, new: new, told: make(map[Change]bool)}
	if err := d.dir(old.root(), new.root()); err != nil {
		return nil, err
	}
	for _, path := range new.claims.since(old.claims) {
		if err := d.passed(path); err != nil {
			return nil, err
		}
	}
	return d.changes, nil
}

type differ struct {
	old, new *View
	changes  []Change
	told     map[Change]bool
}

func (d *differ) add(at place, name string, kind ChangeKind) {
	c := Change{join(at.path, name), kind}
	if !d.told[c] {
		d.told[c] = true
		d.changes = append(d.changes, c)
	}
}

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
	x, err := d.old.child(was, dir)
	if err != nil {
		return unlessGone(err)
	}
	y, err := d.new.child(is, dir)
	if err != nil {
		return unlessGone(err)
	}
	if x.kind() != KindDir || y.kind() != KindDir || len(y.sources) < 2 {
		return nil
	}
	was, is = was.below(x), is.below(y)
	m, err := d.new.merged(is)
	if err != nil {
		return err
	}
	var names []string
	for i := range m.shown {
		sh := &m.shown[i]
		if name := sh.sources[0].item.name; len(sh.sources) > 1 || sh.name != name {
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

// dir compares a directory that both views show at the same path.
func (d *differ) dir(was, is place) error {
	names, err := d.names(was, is)
	if err != nil {
		return err
	}
	return d.compare(was, is, names)
}

// compare compares what is shown for some published names of a directory.
func (d *differ) compare(was, is place, names []string) error {
	anyLong := false
	for _, name := range names {
		long, err := d.name(was, is, name)
		if err != nil {
			return err
		}
		anyLong = anyLong || long
	}
	if anyLong {
		return d.long(was, is)
	}
	return nil
}

// names returns, sorted, the published names that some member changed in a
// directory. A member whose rank or display name changed has changed all.
func (d *differ) names(was, is place) ([]string, error) {
	type change struct{ was, is Hash }
	parts := make(map[*who]change, len(was.parts))
	for _, p := range was.parts {
		parts[p.who] = change{was: p.root}
	}
	for _, p := range is.parts {
		parts[p.who] = change{parts[p.who].was, p.root}
	}
	var names []string
	for _, c := range parts {
		err := d.new.store.diff(c.was, c.is, func(x, y *item) error {
			if x == nil {
				x = y
			}
			names = append(names, x.name)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// name compares what is shown under one published name itself. long tells that
// there are copies under long names besides, which depend on others in the
// directory.
func (d *differ) name(was, is place, name string) (long bool, err error) {
	old, err := d.old.gather(was, name)
	if err != nil {
		return false, err
	}
	now, err := d.new.gather(is, name)
	if err != nil {
		return false, err
	}
	x, longX := plain(d.old.resolve(nil, was, old), name)
	y, longY := plain(d.new.resolve(nil, is, now), name)
	return longX || longY, d.entry(was, is, x, y)
}

// plain returns the entry that has its bare name, nil if none has, and whether
// there are others.
func plain(list []shown, name string) (sh *shown, others bool) {
	if len(list) == 0 {
		return nil, false
	}
	if list[0].name != name {
		return nil, true
	}
	return &list[0], len(list) > 1
}

// long compares all entries of a directory that are under long names.
func (d *differ) long(was, is place) error {
	old, err := d.old.longs(was)
	if err != nil {
		return err
	}
	now, err := d.new.longs(is)
	if err != nil {
		return err
	}
	for len(old) > 0 || len(now) > 0 {
		var x, y *shown
		if len(now) == 0 || len(old) > 0 && old[0].name <= now[0].name {
			x = old[0]
		}
		if x == nil || len(now) > 0 && now[0].name == x.name {
			y = now[0]
		}
		if x != nil {
			old = old[1:]
		}
		if y != nil {
			now = now[1:]
		}
		if err := d.entry(was, is, x, y); err != nil {
			return err
		}
	}
	return nil
}

// longs returns the entries of a directory that are under long names.
func (v *View) longs(at place) ([]*shown, error) {
	d, err := v.merged(at)
	if err != nil {
		return nil, err
	}
	var list []*shown
	for i := range d.shown {
		if sh := &d.shown[i]; sh.name != sh.sources[0].item.name {
			list = append(list, sh)
		}
	}
	return list, nil
}

// entry compares what is shown under one name; nil is nothing.
func (d *differ) entry(was, is place, x, y *shown) error {
	switch {
	case x == nil && y == nil:
	case x == nil:
		d.add(is, y.name, Added)
	case y == nil:
		d.add(is, x.name, Removed)
	case x.kind() != y.kind() || x.kind() != KindDir && !x.sources[0].item.sameContent(y.sources[0].item):
		d.add(is, x.name, Replaced)
	default:
		a, b := x.sources[0].item, y.sources[0].item
		if x.mtime() != y.mtime() || a.exec != b.exec || a.v1 != b.v1 || a.name != b.name {
			d.add(is, x.name, Touched)
		}
		if x.kind() == KindDir {
			return d.dir(was.below(x), is.below(y))
		}
	}
	return nil
}
