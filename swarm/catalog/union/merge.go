package union

import (
	"cmp"
	"io/fs"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/names"
	"slices"
	"strconv"
	"time"
)

// shown is one entry of a merged directory.
type shown struct {
	name    string
	sources []source // all of the same content; the first gives the attributes
}

// source is an item and whose it is.
type source struct {
	who    *Who
	claims *Claims
	item   *catalog.Item
}

func (sh *shown) kind() catalog.Kind { return sh.sources[0].item.Kind }

func (sh *shown) entry() Entry {
	first := sh.sources[0]
	it := first.item
	e := Entry{
		Name: sh.name, Kind: it.Kind, Size: it.Size, MTime: time.Unix(0, it.MTime), Exec: it.Exec,
		V1: it.V1, Target: it.Target, Member: first.who.Key, Sources: first.who.Alone, Published: it.Name,
	}
	if it.Kind == catalog.KindFile {
		e.Root = it.Root
	}
	if len(sh.sources) > 1 {
		e.Sources = make([]catalog.Key, len(sh.sources))
		for i, src := range sh.sources {
			e.Sources[i] = src.who.Key
		}
		if it.Kind == catalog.KindDir {
			e.MTime = time.Unix(0, sh.mtime())
		}
	}
	return e
}

// mtime returns the mtime of an entry: of a merged directory the newest.
func (sh *shown) mtime() int64 {
	t := sh.sources[0].item.MTime
	if sh.kind() == catalog.KindDir {
		for _, src := range sh.sources[1:] {
			t = max(t, src.item.MTime)
		}
	}
	return t
}

// merged is a directory of all members.
type merged struct {
	parts []part
	shown []shown // sorted by name
}

// find returns the entry of that name, or nil.
func (d *merged) find(name string) *shown {
	i, ok := slices.BinarySearchFunc(d.shown, name, func(sh shown, name string) int {
		return cmp.Compare(sh.name, name)
	})
	if !ok {
		return nil
	}
	return &d.shown[i]
}

// child returns the entry of that name in a directory. fs.ErrNotExist if there
// is none.
func (v *View) child(at place, name string) (*shown, error) {
	d := v.dirs.get(at, v)
	if d == nil && !v.mayBeBare(name, at.depth) {
		var err error
		if d, err = v.merged(at); err != nil {
			return nil, err
		}
	}
	if d != nil {
		if sh := d.find(name); sh != nil {
			return sh, nil
		}
		return nil, fs.ErrNotExist
	}
	group, err := v.gather(at, name)
	if err != nil {
		return nil, err
	}
	for _, sh := range v.resolve(nil, at, group) {
		if sh.name == name {
			return &sh, nil
		}
	}
	return nil, fs.ErrNotExist
}

// gather returns who has an item of that name in a directory, by rank.
func (v *View) gather(at place, name string) ([]source, error) {
	var group []source
	for _, p := range at.parts {
		it, err := v.store.Find(p.root, name)
		if err != nil {
			return nil, err
		}
		if it != nil && visible(it, at.depth) {
			group = append(group, source{p.who, p.claims, it})
		}
	}
	return group, nil
}

// visible reports whether an item in a directory of that depth is shown at
// all: symlinks that leave the tree are not.
func visible(it *catalog.Item, depth int) bool {
	return it.Kind != catalog.KindSymlink || names.Inside(it.Target, depth)
}

// merged returns the merge of a directory, from the cache if it is there.
func (v *View) merged(at place) (*merged, error) {
	if d := v.dirs.get(at, v); d != nil {
		return d, nil
	}
	var all []source
	for _, p := range at.parts {
		err := v.store.Each(p.root, func(it *catalog.Item) error {
			if visible(it, at.depth) {
				all = append(all, source{p.who, p.claims, it})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(at.parts) > 1 {
		slices.SortStableFunc(all, func(x, y source) int { return cmp.Compare(x.item.Name, y.item.Name) })
	}
	d := &merged{parts: at.parts, shown: make([]shown, 0, len(all))}
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].item.Name == all[0].item.Name {
			n++
		}
		d.shown = v.resolve(d.shown, at, all[:n:n])
		all = all[n:]
	}
	d.sort()
	v.dirs.add(at, v, d)
	return d, nil
}

// resolve appends what is shown for one published name: group is who has it,
// by rank, and is reordered.
func (v *View) resolve(dst []shown, at place, group []source) []shown {
	if len(group) == 0 {
		return dst
	}
	name := group[0].item.Name
	bare := v.mayBeBare(name, at.depth)
	if bare && len(group) > 1 {
		promote(Join(at.path, name), group)
	}
	for len(group) > 0 {
		var same []source
		same, group = takeSame(group, bare)
		first := same[0]
		sh := shown{name, same}
		if !bare {
			sh.name = first.who.LongName(name, first.item.Kind)
		}
		bare = false
		dst = append(dst, sh)
	}
	return dst
}

// promote moves the source that has a path for longest to the front of group,
// of those of the class that stands there.
func promote(path string, group []source) {
	best, since := 0, group[0].since(path)
	for i := 1; i < len(group) && group[i].who.Class == group[0].who.Class; i++ {
		if t := group[i].since(path); t < since {
			best, since = i, t
		}
	}
	src := group[best]
	copy(group[1:best+1], group[:best])
	group[0] = src
}

func (src *source) since(path string) uint64 {
	return src.claims.since(src.who.Key, src.who.Order, path)
}

// takeSame cuts off the front of group all sources that are one entry with the
// first: those of the same content, and directories where they merge.
func takeSame(group []source, merge bool) (same, rest []source) {
	first := group[0].item
	if first.Kind == catalog.KindDir && !merge {
		return group[:1:1], group[1:]
	}
	n := 1
	for i := 1; i < len(group); i++ {
		if !first.SameContent(group[i].item) && (first.Kind != catalog.KindDir || group[i].item.Kind != catalog.KindDir) {
			continue
		}
		src := group[i]
		copy(group[n+1:i+1], group[n:i])
		group[n] = src
		n++
	}
	return group[:n:n], group[n:]
}

// sort brings the entries into the order of the names they are shown under. Of
// copies under the same long name, which takes names cut short or a forged
// key16, all but one are numbered.
func (d *merged) sort() {
	byName := func(x, y shown) int { return cmp.Compare(x.name, y.name) }
	if !slices.IsSortedFunc(d.shown, byName) {
		slices.SortStableFunc(d.shown, byName)
	}
	again := false
	for i := 1; i < len(d.shown); i++ {
		if d.shown[i].name == d.shown[i-1].name {
			again = true
		}
	}
	if again {
		d.number()
	}
}

func (d *merged) number() {
	taken := make(map[string]bool, len(d.shown))
	var twice []int
	for i := range d.shown {
		if taken[d.shown[i].name] {
			twice = append(twice, i)
		}
		taken[d.shown[i].name] = true
	}
	for _, i := range twice {
		first := d.shown[i].sources[0]
		for n := 2; taken[d.shown[i].name]; n++ {
			d.shown[i].name = first.who.numbered(first.item.Name, first.item.Kind, "~"+strconv.Itoa(n))
		}
		taken[d.shown[i].name] = true
	}
	slices.SortFunc(d.shown, func(x, y shown) int { return cmp.Compare(x.name, y.name) })
}
