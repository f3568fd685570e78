package build

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/names"
	"slices"
	"strings"
)

// A directory is cut into objects behind elements that a number drawn from
// their name marks, as long as the object has some size; where none does, in
// front of where the longest element might not fit. So where a cut is depends
// on what is in front of it up to the last one: an element more or less moves
// few cuts, and all other objects stay as they were.
//
// Part of the format only in so far as equal directories have equal objects
// where all use the same.
const (
	leastObject = 6 << 10
	markedEvery = 3 << 10 // bytes, on average
	longestItem = names.MaxPath + names.Max + 42
	fullObject  = catalog.MaxObject - catalog.ObjectOverhead - longestItem
)

// mark draws a number from a name.
func mark(name string) uint64 {
	h := sha256.Sum256([]byte(name))
	return binary.BigEndian.Uint64(h[:])
}

// closes reports whether an object is cut behind its last element: size is that
// of all elements in it, last that of the last, in bytes.
func closes(size, last int, mark uint64) bool {
	return size > fullObject || size >= leastObject && mark/uint64(last) < math.MaxUint64/markedEvery
}

// rewrite changes a directory's shards by edits, sorted by name, and makes the
// index objects above them.
func (b *Builder) rewrite(d *dir, edits []edit) error {
	var shards []span
	if len(d.levels) > 0 {
		shards = d.levels[0]
	}
	for len(edits) > 0 {
		i, ok := slices.BinarySearchFunc(shards, edits[0].item.Name, func(p span, name string) int { return cmp.Compare(p.first, name) })
		if !ok {
			i = max(i-1, 0)
		}
		made, old, n, err := b.reshard(shards[i:], edits)
		if err != nil {
			return err
		}
		shards = slices.Replace(shards, i, i+old, made...)
		edits = edits[n:]
	}
	levels := d.levels[:0]
	if len(shards) > 0 {
		levels = append(levels, shards)
	}
	for level := 1; len(levels) == level && len(levels[level-1]) > 1; level++ {
		var old []span
		if level < len(d.levels) {
			old = d.levels[level]
		}
		levels = append(levels, b.index(level, levels[level-1], old))
	}
	d.levels = slices.Clip(levels)
	return nil
}

// reshard makes new shards in the place of the first ones of a list, up to where
// the next is cut off as before. It returns how many are replaced, and how many
// edits are in the new ones.
func (b *Builder) reshard(shards []span, edits []edit) (made []span, old, n int, err error) {
	var open []catalog.Item // behind the last cut
	for more := true; more; {
		var items []catalog.Item
		end := len(edits)
		if old < len(shards) {
			if items, err = b.items(shards[old].hash); err != nil {
				return nil, 0, 0, err
			}
			old++
		}
		if old < len(shards) {
			end, _ = slices.BinarySearchFunc(edits, shards[old].first, func(e edit, name string) int { return cmp.Compare(e.item.Name, name) })
		}
		open = b.merge(open, items, edits[n:end])
		n = end
		made, open = b.cut(made, open)
		more = len(open) > 0 && old < len(shards)
	}
	if len(open) > 0 {
		made = append(made, b.shard(open))
	}
	return made, old, n, nil
}

// items reads a shard.
func (b *Builder) items(h catalog.Hash) ([]catalog.Item, error) {
	data, err := b.read(h)
	if err != nil {
		return nil, err
	}
	o, err := catalog.DecodeObject(data)
	if err != nil {
		return nil, err
	}
	return o.Items, nil
}

// merge appends items, as edits change them, both sorted by name.
func (b *Builder) merge(dst, items []catalog.Item, edits []edit) []catalog.Item {
	dst = slices.Grow(dst, len(items)+len(edits))
	for len(items) > 0 || len(edits) > 0 {
		c := -1
		switch {
		case len(items) == 0:
			c = 1
		case len(edits) > 0:
			c = cmp.Compare(items[0].Name, edits[0].item.Name)
		}
		if c < 0 {
			dst, items = append(dst, items[0]), items[1:]
			continue
		}
		if c == 0 {
			b.count(&items[0], -1)
			items = items[1:]
		}
		if e := &edits[0]; e.rank != isGone {
			b.count(&e.item, 1)
			dst = append(dst, e.item)
		}
		edits = edits[1:]
	}
	return dst
}

// cut makes shards of items, but of those behind the last cut, which it returns.
func (b *Builder) cut(made []span, items []catalog.Item) ([]span, []catalog.Item) {
	from, size := 0, 0
	for i := range items {
		b.buf = items[i].Append(b.buf[:0])
		size += len(b.buf)
		if closes(size, len(b.buf), mark(items[i].Name)) {
			made = append(made, b.shard(items[from:i+1]))
			from, size = i+1, 0
		}
	}
	return made, items[from:]
}

func (b *Builder) shard(items []catalog.Item) span {
	p := b.span(catalog.AppendShard(nil, items), items[0].Name)
	for i := range items {
		p.newest = max(p.newest, items[i].MTime)
	}
	return p
}

// span notes an object whose first name that is.
func (b *Builder) span(data []byte, first string) span {
	h := catalog.HashObject(data)
	b.tree.Objects[h] = data
	return span{hash: h, first: strings.Clone(first), mark: mark(first)}
}

// index puts a level of index objects above others. Of old ones, which stood
// there before, it takes those that are the same.
func (b *Builder) index(level int, below, old []span) []span {
	var made []span
	var kids []catalog.Kid
	size := 0
	for i := range below {
		k := catalog.Kid{First: below[i].first, Hash: below[i].hash}
		b.buf = k.Append(b.buf[:0])
		size += len(b.buf)
		kids = append(kids, k)
		if i < len(below)-1 && !closes(size, len(b.buf), below[i].mark) {
			continue
		}
		for len(old) > 0 && old[0].first < kids[0].First {
			old = old[1:]
		}
		if len(old) > 0 && slices.EqualFunc(old[0].kids, kids, func(h catalog.Hash, k catalog.Kid) bool { return h == k.Hash }) {
			made = append(made, old[0])
		} else {
			p := b.span(catalog.AppendIndex(nil, level, kids), kids[0].First)
			for _, k := range kids {
				p.kids = append(p.kids, k.Hash)
			}
			made = append(made, p)
		}
		kids, size = kids[:0], 0
	}
	return made
}
