package build

import (
	"fmt"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/names"
	"slices"
	"strings"
)

// Builder turns what a member shares into objects. It knows of each directory
// where its shards begin and reads those that change, so that a change costs
// what it changes, however much is shared. The objects are a function of what
// is shared alone. Not safe for concurrent use.
type Builder struct {
	read func(catalog.Hash) ([]byte, error)
	root *dir // nil: not known
	tree catalog.Tree
	buf  []byte
}

// NewBuilder returns a builder that nothing is known to. read returns the bytes
// of an object that an earlier Apply made.
func New(read func(catalog.Hash) ([]byte, error)) *Builder { return &Builder{read: read} }

// Forget makes the builder refuse all but a Delta of All: what the last Apply
// made was not kept.
func (b *Builder) Forget() { b.root = nil }

// Apply makes the objects of what is shared after a change. Files that may not
// be published are left out and named in Tree.Dropped: where a path is put
// twice the first counts, and a directory that is not empty counts before a
// file. ErrNeedAll, wrapped, if what changes is not known or cannot be read.
func (b *Builder) Apply(d catalog.Delta) (catalog.Tree, error) {
	root := b.root
	if b.root = nil; d.All {
		root = &dir{}
		b.tree = catalog.Tree{}
	}
	if root == nil {
		return catalog.Tree{}, catalog.ErrNeedAll
	}
	b.tree.Dropped, b.tree.Objects = nil, make(map[catalog.Hash][]byte)
	for _, path := range d.Gone {
		root.gone(path)
	}
	for i := range d.Put {
		if e, ok := itemOf(&d.Put[i]); !ok || !root.put(d.Put[i].Path, e) {
			b.drop(d.Put[i].Path)
		}
	}
	if err := b.build(root, ""); err != nil {
		return catalog.Tree{}, fmt.Errorf("%w: %w", catalog.ErrNeedAll, err)
	}
	b.root, b.tree.Root = root, root.hash()
	tree := b.tree
	b.tree.Objects = nil
	return tree, nil
}

// itemOf checks f and returns it as an entry of its directory.
func itemOf(f *catalog.File) (catalog.Item, bool) {
	depth := strings.Count(f.Path, "/")
	if depth >= names.MaxDepth {
		return catalog.Item{}, false
	}
	var name string
	for name = range strings.SplitSeq(f.Path, "/") {
		if !names.Valid(name) {
			return catalog.Item{}, false
		}
	}
	it := catalog.Item{Name: name, Kind: f.Kind}
	if !f.MTime.IsZero() {
		it.MTime = f.MTime.UnixNano()
	}
	switch f.Kind {
	case catalog.KindFile:
		it.Size, it.Root, it.V1, it.Exec = f.Size, f.Root, f.V1, f.Exec
	case catalog.KindSymlink:
		it.Target = f.Target
		return it, names.Inside(f.Target, depth)
	case catalog.KindDir:
	default:
		return it, false
	}
	return it, it.Check() == nil
}

// build makes the objects of a directory, those under it first.
func (b *Builder) build(d *dir, path string) error {
	for _, sub := range d.changed {
		sub.queued = false
		if err := b.build(sub, strings.TrimPrefix(path+"/"+sub.name, "/")); err != nil {
			return err
		}
		r := isDir
		if sub.empty() {
			delete(d.dirs, sub.name)
			r = isGone
		}
		d.edit(sub.item(), r)
	}
	edits := b.decide(d, path)
	d.changed, d.edits = nil, nil
	if len(edits) == 0 {
		return nil
	}
	return b.rewrite(d, edits)
}

// decide returns one edit of each name, sorted.
func (b *Builder) decide(d *dir, path string) []edit {
	list := d.edits
	if !slices.IsSortedFunc(list, edit.compare) {
		slices.SortFunc(list, edit.compare)
	}
	kept := list[:0]
	for i := range list {
		e := &list[i]
		taken := len(kept) > 0 && kept[len(kept)-1].item.Name == e.item.Name
		if e.rank == isFile && (taken || d.dirs[e.item.Name] != nil) {
			b.drop(strings.TrimPrefix(path+"/"+e.item.Name, "/"))
			continue
		}
		if !taken && (e.rank != isGone || d.dirs[e.item.Name] == nil) {
			kept = append(kept, *e)
		}
	}
	return kept
}

// maxDropped bounds Tree.Dropped.
const maxDropped = 100

func (b *Builder) drop(path string) {
	if len(b.tree.Dropped) < maxDropped {
		b.tree.Dropped = append(b.tree.Dropped, path)
	}
}

// count adds an item to the sums of the tree, n times.
func (b *Builder) count(it *catalog.Item, n int64) {
	if it.Kind != catalog.KindDir {
		b.tree.Files += n
		b.tree.Bytes += n * it.Size
	}
}
