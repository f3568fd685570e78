package kv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
)

// maxDepth bounds the branches above a leaf. bbolt's pages have two keys and
// more: a tree of 2^48 of them is no deeper.
const maxDepth = 64

// valueCheck looks at a value of a bucket.
type valueCheck func(bucket, key, value []byte) error

// checkValue is Config.Check, but for the mark, and for what bears none.
func (c *Config) checkValue(marked bool) valueCheck {
	if c.Check == nil || !marked {
		return nil
	}
	return func(bucket, key, value []byte) error {
		if bytes.Equal(bucket, bucketAbout) {
			return nil
		}
		if err := c.Check(bucket, key, value); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrDamaged, bucket, err)
		}
		return nil
	}
}

// walker reads the pages of a database that can be reached from a meta page.
type walker struct {
	f     *os.File
	meta  meta
	used  []bool // by page
	value valueCheck
}

// check reads the whole of a database file. An error that wraps ErrDamaged
// tells what bbolt would stumble over, any other one is the disk's.
func check(f *os.File, values func(marked bool) valueCheck) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if fi.Size() == 0 {
		return nil // bbolt makes it
	}
	m, err := readMeta(f, fi.Size())
	if err != nil {
		return err
	}
	if m.high > uint64(fi.Size())/m.pageSize {
		return fmt.Errorf("%w: %d bytes, of %d pages of %d", ErrDamaged, fi.Size(), m.high, m.pageSize)
	}
	w := &walker{f: f, meta: m, used: make([]bool, m.high)}
	w.used[0], w.used[1] = true, true
	marked, err := w.isMarked()
	if err != nil {
		return err
	}
	w.value = values(marked)
	if err := w.page(m.root, bounds{}, nil, 0); err != nil {
		return err
	}
	return w.freeList()
}

// isMarked reports whether the topmost page, if it is a leaf, which it is with
// a handful of buckets, names the bucket of the mark.
func (w *walker) isMarked() (bool, error) {
	p, err := w.read(w.meta.root)
	if err != nil {
		return false, err
	}
	w.forget(w.meta.root, p)
	if p.flags != leafPage {
		return true, nil
	}
	for i := range p.count {
		e, ok := p.leaf(i)
		if !ok {
			return false, w.damage(w.meta.root, "element out of bounds")
		}
		if e.flags == bucketFlag && bytes.Equal(e.key, bucketAbout) {
			return true, nil
		}
	}
	return false, nil
}

// bounds are what keys must lie within: from <= key < to, nil being no bound.
// The first of a page below a branch is from itself: bbolt finds a page's place
// in the branch by it, and enters the page twice where it does not.
type bounds struct{ from, to []byte }

// begin reports whether key may be a page's first.
func (b bounds) begin(key []byte) bool { return b.from == nil || bytes.Equal(key, b.from) }

func (b bounds) contain(key []byte) bool {
	return bytes.Compare(key, b.from) >= 0 && (b.to == nil || bytes.Compare(key, b.to) < 0)
}

func (w *walker) damage(id uint64, what string) error {
	return fmt.Errorf("%w: page %d: %s", ErrDamaged, id, what)
}

// read reads a page with what it runs over into, and notes that it is used.
func (w *walker) read(id uint64) (page, error) {
	if id < 2 || id >= w.meta.high {
		return page{}, w.damage(id, "out of bounds")
	}
	data := make([]byte, w.meta.pageSize)
	at := int64(id * w.meta.pageSize)
	if _, err := w.f.ReadAt(data, at); err != nil {
		return page{}, err
	}
	over := uint64(binary.NativeEndian.Uint32(data[12:]))
	if binary.NativeEndian.Uint64(data) != id || over >= w.meta.high-id {
		return page{}, w.damage(id, "not what its header says")
	}
	for i := id; i <= id+over; i++ {
		if w.used[i] {
			return page{}, w.damage(i, "used twice")
		}
		w.used[i] = true
	}
	if over > 0 {
		data = append(data, make([]byte, over*w.meta.pageSize)...)
		if _, err := w.f.ReadAt(data[w.meta.pageSize:], at+int64(w.meta.pageSize)); err != nil {
			return page{}, err
		}
	}
	return parsePage(data), nil
}

// forget undoes what read noted.
func (w *walker) forget(id uint64, p page) {
	clear(w.used[id : id+uint64(len(p.data))/w.meta.pageSize])
}

// page checks a page and what is below it. bucket is the name of the bucket that
// it belongs to, nil for the topmost, in which there are buckets only; in them
// there are none.
func (w *walker) page(id uint64, within bounds, bucket []byte, depth int) error {
	if depth > maxDepth {
		return w.damage(id, "too deep")
	}
	p, err := w.read(id)
	if err != nil {
		return err
	}
	switch p.flags {
	case branchPage:
		return w.branch(id, p, within, bucket, depth)
	case leafPage:
		if depth > 0 && p.count == 0 {
			return w.damage(id, "empty leaf below a branch")
		}
		return w.leaf(id, p, within, bucket)
	}
	return w.damage(id, "neither branch nor leaf")
}

func (w *walker) branch(id uint64, p page, within bounds, bucket []byte, depth int) error {
	if p.count == 0 || !p.whole() {
		return w.damage(id, "not all of its elements")
	}
	for i := range p.count {
		key, child, ok := p.branch(i)
		if !ok || !within.contain(key) || i == 0 && !within.begin(key) {
			return w.damage(id, "branch key out of order or bounds")
		}
		below := bounds{key, within.to}
		if i+1 < p.count {
			next, _, ok := p.branch(i + 1)
			if !ok || bytes.Compare(key, next) >= 0 || !within.contain(next) {
				return w.damage(id, "branch key out of order or bounds")
			}
			below.to = next
		}
		if err := w.page(child, below, bucket, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) leaf(id uint64, p page, within bounds, bucket []byte) error {
	if !p.whole() {
		return w.damage(id, "not all of its elements")
	}
	var last []byte
	for i := range p.count {
		e, ok := p.leaf(i)
		if !ok || !within.contain(e.key) || i == 0 && !within.begin(e.key) || i > 0 && bytes.Compare(last, e.key) >= 0 {
			return w.damage(id, "key out of order or bounds")
		}
		last = e.key
		var err error
		switch {
		case bucket == nil && e.flags == bucketFlag:
			err = w.bucket(id, e)
		case bucket == nil || e.flags != 0:
			err = w.damage(id, "a bucket for a value, or a value for a bucket")
		case w.value != nil:
			err = w.value(bucket, e.key, e.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket checks a bucket, which may stand in its element of page id.
func (w *walker) bucket(id uint64, e element) error {
	if len(e.value) < bucketHeader {
		return w.damage(id, "cut bucket")
	}
	if root := binary.NativeEndian.Uint64(e.value); root != 0 {
		return w.page(root, bounds{}, e.key, 0)
	}
	if len(e.value) < bucketHeader+pageHeader {
		return w.damage(id, "cut bucket")
	}
	p := parsePage(e.value[bucketHeader:])
	if p.flags != leafPage {
		return w.damage(id, "bucket that is no leaf")
	}
	return w.leaf(id, p, bounds{}, e.key)
}

// freeList checks that only pages are called free that are not in use.
func (w *walker) freeList() error {
	id := w.meta.freelist
	if id == noFreeList {
		return nil // bbolt finds them by itself
	}
	p, err := w.read(id)
	if err != nil {
		return err
	}
	ids, ok := p.freeIDs()
	if p.flags != freeListPage || !ok {
		return w.damage(id, "no free list")
	}
	last := uint64(1)
	for len(ids) > 0 {
		free := binary.NativeEndian.Uint64(ids)
		if free <= last || free >= w.meta.high || w.used[free] {
			return w.damage(free, "free, but in use or out of bounds or order")
		}
		last, ids = free, ids[8:]
	}
	return nil
}
