package catalog

import (
	"cmp"
	"slices"
	"strings"

	"p2pfs/swarm/names"
)

// Tree is a catalogue as built: what its head will tell, and what was left
// out.
type Tree struct {
	Root    Hash
	Files   int64    // files and symlinks, a count
	Bytes   int64    // sum of the files' sizes
	Dropped []string // paths no catalogue may hold: bad names, too deep, there twice; the first 100
}

// maxDropped bounds Tree.Dropped.
const maxDropped = 100

// Builder turns lists of files into objects. It remembers the last list, so
// that the next one costs little where it is the same; the objects themselves
// are a function of the list alone. Not safe for concurrent use.
type Builder struct {
	put  func(Hash, []byte) error
	last *built // the root directory of the last Build
	tree Tree
	buf  []byte
}

// built is a directory as it was built.
type built struct {
	list  []entry // all entries under it
	dirs  map[string]*built
	root  Hash
	mtime int64 // of its newest entry
	files int64
	bytes int64
}

// entry is an item with the path it stands at.
type entry struct {
	path string
	item
}

// NewBuilder returns a builder that hands each object it makes to put, children
// before parents. It hands out none for directories that are as they were in
// the last Build that succeeded: call Forget when those objects are gone. put
// may keep the bytes.
func NewBuilder(put func(Hash, []byte) error) *Builder {
	return &Builder{put: put}
}

// Forget makes the next Build hand out every object.
func (b *Builder) Forget() { b.last = nil }

// Build makes the objects of files, in any order. Files that may not be
// published are left out and named in Tree.Dropped. The error is put's.
func (b *Builder) Build(files []File) (Tree, error) {
	list := make([]entry, 0, len(files))
	b.tree = Tree{}
	for i := range files {
		if e, ok := entryOf(&files[i]); ok {
			list = append(list, e)
		} else {
			b.drop(files[i].Path)
		}
	}
	list = sortByPath(list)
	last := b.last
	b.last = nil
	d, err := b.dir(last, 0, list)
	if err != nil {
		return Tree{}, err
	}
	b.last = d
	b.tree.Root, b.tree.Files, b.tree.Bytes = d.root, d.files, d.bytes
	return b.tree, nil
}

func (b *Builder) drop(path string) {
	if len(b.tree.Dropped) < maxDropped {
		b.tree.Dropped = append(b.tree.Dropped, path)
	}
}

// entryOf checks f and returns it as an entry.
func entryOf(f *File) (entry, bool) {
	depth := strings.Count(f.Path, "/")
	if depth >= names.MaxDepth {
		return entry{}, false
	}
	var name string
	for name = range strings.SplitSeq(f.Path, "/") {
		if !names.Valid(name) {
			return entry{}, false
		}
	}
	e := entry{path: f.Path, item: item{name: name, kind: f.Kind}}
	if !f.MTime.IsZero() {
		e.mtime = f.MTime.UnixNano()
	}
	switch f.Kind {
	case KindFile:
		e.size, e.root, e.v1, e.exec = f.Size, f.Root, f.V1, f.Exec
	case KindSymlink:
		e.target = f.Target
		return e, names.Inside(f.Target, depth)
	case KindDir:
	default:
		return e, false
	}
	return e, e.check() == nil
}

// sortByPath sorts a list, of equal paths the earlier one first. Numbers are
// moved about rather than entries, which are large.
func sortByPath(list []entry) []entry {
	if slices.IsSortedFunc(list, func(x, y entry) int { return comparePaths(x.path, y.path) }) {
		return list
	}
	order := make([]int32, len(list))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int {
		return cmp.Or(comparePaths(list[i].path, list[j].path), int(i-j))
	})
	sorted := make([]entry, len(list))
	for i, j := range order {
		sorted[i] = list[j]
	}
	return sorted
}

// comparePaths orders paths as a walk does: all that is under a directory
// right behind it.
func comparePaths(x, y string) int {
	for i := range min(len(x), len(y)) {
		switch {
		case x[i] == y[i]:
		case x[i] == '/':
			return -1
		case y[i] == '/':
			return 1
		default:
			return int(x[i]) - int(y[i])
		}
	}
	return len(x) - len(y)
}

// dir builds the directory whose entries' names begin at byte from of their
// paths. old is the same directory in the last Build, or nil.
func (b *Builder) dir(old *built, from int, list []entry) (*built, error) {
	if old != nil && slices.Equal(old.list, list) {
		old.move(list)
		return old, nil
	}
	d := &built{list: list}
	var items []item
	for len(list) > 0 {
		run := list[:runLen(list, from)]
		list = list[len(run):]
		it := run[0].item
		end := from + len(component(run[0].path, from))
		switch deep := len(run[len(run)-1].path) > end; {
		case deep || it.kind == KindDir:
			var err error
			if it, err = b.subdir(old, d, from, run); err != nil {
				return nil, err
			}
		default:
			b.dropRest(run[1:])
			d.files++
			d.bytes += it.size
		}
		d.mtime = max(d.mtime, it.mtime)
		items = append(items, it)
	}
	var err error
	d.root, err = b.shards(items)
	return d, err
}

// move points d, and what is under it, into a list that is equal to its own. If
// it stayed where it is, a directory in which nothing changes would keep the
// whole list of the Build that made it. The lists of the directories under d
// are parts of its own, to the same capacity.
func (d *built) move(list []entry) {
	for _, sub := range d.dirs {
		at := cap(d.list) - cap(sub.list)
		sub.move(list[at : at+len(sub.list)])
	}
	d.list = list
}

// runLen returns how many entries at the front of list share the component
// that begins at byte from.
func runLen(list []entry, from int) int {
	name := component(list[0].path, from)
	for i := 1; i < len(list); i++ {
		if component(list[i].path, from) != name {
			return i
		}
	}
	return len(list)
}

func component(path string, from int) string {
	if i := strings.IndexByte(path[from:], '/'); i >= 0 {
		return path[from : from+i]
	}
	return path[from:]
}

// subdir builds the directory that the entries of run are in, and returns it
// as an entry of its parent d.
func (b *Builder) subdir(old, d *built, from int, run []entry) (item, error) {
	it := item{name: component(run[0].path, from), kind: KindDir}
	below := from + len(it.name) + 1
	inner := run
	for len(inner) > 0 && len(inner[0].path) < below { // entries for the directory itself
		if inner[0].kind != KindDir {
			b.drop(inner[0].path)
		}
		it.mtime = max(it.mtime, inner[0].mtime)
		inner = inner[1:]
	}
	var was *built
	if old != nil {
		was = old.dirs[it.name]
	}
	sub, err := b.dir(was, below, inner)
	if err != nil {
		return it, err
	}
	if d.dirs == nil {
		d.dirs = make(map[string]*built)
	}
	d.dirs[it.name] = sub
	d.files += sub.files
	d.bytes += sub.bytes
	it.root = sub.root
	if it.mtime == 0 {
		it.mtime = sub.mtime
	}
	return it, nil
}

func (b *Builder) dropRest(list []entry) {
	for i := range list {
		b.drop(list[i].path)
	}
}
