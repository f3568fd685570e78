package union

import (
	"errors"
	"p2pfs/swarm/catalog"
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
	Within                     // anything in a directory or under it: there was too much to tell
)

// Change is a path at which two views differ. Of a directory that came or went
// nothing under it is told.
type Change struct {
	Path string
	Kind ChangeKind
}

// Diff returns the paths at which two views of one drive differ, in no order.
// What both have in common costs nothing: equal objects are not looked into.
// It may read from disk. Who the sources of an entry are is not compared. What
// it looks at is bounded, whatever members publish: where that is used up,
// Within is told of the directories that are left.
//
// Between views that are far apart (hundreds of conflicts have come and gone)
// a bare name may have passed to a member who has had the same copy all along:
// that is not told.
func Diff(old, new *View) ([]Change, error) {
	d := differ{old: old, new: new, told: make(map[Change]bool), dirDiff: dirDiff{new.store, diffVisits}}
	if err := d.dir(old.root(), new.root()); err != nil {
		return nil, err
	}
	for _, path := range new.claimLog.after(&old.claimLog) {
		if err := d.passed(path); err != nil {
			return nil, err
		}
	}
	return d.changes, nil
}

// diffVisits bounds how many entries and objects a Diff looks at.
const diffVisits = 1 << 16

// wideDir is how many shards a directory may have of all members for names
// in it that depend on each other to be compared.
const wideDir = 4096

type differ struct {
	old, new *View
	dirDiff
	changes []Change
	told    map[Change]bool
}

func (d *differ) add(at place, name string, kind ChangeKind) {
	c := Change{Join(at.path, name), kind}
	if !d.told[c] {
		d.told[c] = true
		d.changes = append(d.changes, c)
	}
}

// vague tells that anything may have changed in a directory.
func (d *differ) vague(at place) {
	if c := (Change{at.path, Within}); !d.told[c] {
		d.told[c] = true
		d.changes = append(d.changes, c)
	}
}

// wide reports whether a directory is too big to be merged for a comparison.
func (d *differ) wide(at place) (bool, error) {
	shards := 0
	for _, p := range at.parts {
		leaves, err := d.store.Leaves(p.root)
		if err != nil {
			return false, err
		}
		if shards += len(leaves); shards > wideDir || d.spend(len(leaves)) != nil {
			return true, nil
		}
	}
	return false, nil
}

// dir compares a directory that both views show at the same path.
func (d *differ) dir(was, is place) error {
	names, err := d.names(was, is)
	if errors.Is(err, errMuch) {
		d.vague(is)
		return nil
	}
	if err != nil {
		return err
	}
	return d.compare(was, is, names)
}

// compare compares what is shown for some published names of a directory.
func (d *differ) compare(was, is place, names []string) error {
	anyLong := false
	for _, name := range names {
		if d.spend(1+(len(was.parts)+len(is.parts))/4) != nil {
			d.vague(is)
			return nil
		}
		long, err := d.name(was, is, name)
		if err != nil {
			return err
		}
		anyLong = anyLong || long
	}
	if anyLong {
		return d.longs(was, is)
	}
	return nil
}

// names returns, sorted, the published names that some member changed in a
// directory. A member whose rank or display name changed has changed all.
func (d *differ) names(was, is place) ([]string, error) {
	if err := d.spend((len(was.parts) + len(is.parts)) / 8); err != nil {
		return nil, err
	}
	type change struct{ was, is catalog.Hash }
	parts := make(map[*Who]change, len(was.parts))
	for _, p := range was.parts {
		parts[p.who] = change{was: p.root}
	}
	for _, p := range is.parts {
		parts[p.who] = change{parts[p.who].was, p.root}
	}
	var names []string
	for _, c := range parts {
		err := d.diff(c.was, c.is, func(x, y *catalog.Item) error {
			if x == nil {
				x = y
			}
			names = append(names, x.Name)
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

// longs compares all entries of a directory that are under long names.
func (d *differ) longs(was, is place) error {
	for _, at := range []place{was, is} {
		if wide, err := d.wide(at); err != nil || wide {
			d.vague(is)
			return err
		}
	}
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
		if sh := &d.shown[i]; sh.name != sh.sources[0].item.Name {
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
	case x.kind() != y.kind() || x.kind() != catalog.KindDir && !x.sources[0].item.SameContent(y.sources[0].item):
		d.add(is, x.name, Replaced)
	default:
		a, b := x.sources[0].item, y.sources[0].item
		if x.mtime() != y.mtime() || a.Exec != b.Exec || a.V1 != b.V1 || a.Name != b.Name {
			d.add(is, x.name, Touched)
		}
		if x.kind() == catalog.KindDir {
			return d.dir(was.below(x), is.below(y))
		}
	}
	return nil
}
