// Package tree is what is known of the names in a share directory, and which of
// them are published.
//
// A Tree is told what a look at a directory found, name by name, and passes on
// what is different: to a published.Ledger, and to who is told of what is gone.
// Work is which directories and names are to be looked at next. Both are pure:
// no file, no goroutine, no clock, no lock. What a name's contents are, and
// whether it is to be left out, is decided elsewhere.
package tree

import (
	"strings"
	"time"

	"p2pfs/swarm/share/ignore"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
)

// Watcher is told what is not there any more.
type Watcher interface {
	FileGone(f *File)
	DirGone(d *Dir)
}

// Tree is a share directory.
type Tree struct {
	Root *Dir

	ledger *published.Ledger
	gone   Watcher
	now    time.Time         // of the look under way
	gen    uint32            // of it
	stale  map[*Dir]struct{} // a name was published in it, or is no more
	dirs   int               // Root too
	out    [2]int            // names that are Ignored, and left out for another reason
}

// New returns a Tree of which nothing is known. rules are in force at its top.
func New(ledger *published.Ledger, gone Watcher, rules *ignore.Rules) *Tree {
	t := &Tree{ledger: ledger, gone: gone, stale: map[*Dir]struct{}{}, dirs: 1}
	t.Root = newDir(nil, "")
	t.Root.Rules = rules
	return t
}

// Dirs returns how many directories there are, the topmost too.
func (t *Tree) Dirs() int { return t.dirs }

// LeftOut returns how many names are ignored, and how many cannot be published.
func (t *Tree) LeftOut() (ignored, unfit int) { return t.out[0], t.out[1] }

// Begin begins a look.
func (t *Tree) Begin(now time.Time) {
	t.gen++
	t.now = now
}

// Knows reports whether d is still part of the tree.
func (t *Tree) Knows(d *Dir) bool {
	for ; d.Up != nil; d = d.Up {
		if d.Up.dirs[d.Name] != d {
			return false
		}
	}
	return d == t.Root
}

// Find returns the directory of a path, if it is known, and the name in it.
func (t *Tree) Find(path string) (d *Dir, name string, ok bool) {
	base, name := published.Split(path)
	d = t.Root
	if base == "" {
		return d, name, true
	}
	for name := range strings.SplitSeq(base, "/") {
		if d = d.dirs[name]; d == nil {
			return nil, "", false
		}
	}
	return d, name, true
}

// Seen notes that a file is as it was.
func (t *Tree) Seen(f *File) { f.gen = t.gen }

// Keep leaves what has a name as it is, and reports whether there is anything.
func (t *Tree) Keep(d *Dir, name string) bool {
	if f := d.files[name]; f != nil {
		f.gen = t.gen
		return true
	}
	if sub := d.dirs[name]; sub != nil {
		sub.gen = t.gen
		return true
	}
	return false
}

// LeaveOut notes that a name is not published, and reports whether it was not
// for that reason before.
func (t *Tree) LeaveOut(d *Dir, name string, why Reason) (first bool) {
	before, ok := d.out[name]
	if first = !ok || before.why != why; first {
		t.Remove(d, name)
		t.out[min(why, 1)]++
	}
	if d.out == nil {
		d.out = map[string]leftOut{}
	}
	d.out[name] = leftOut{t.gen, why}
	return first
}

// PutFile returns the file or link of that name, which is there now.
func (t *Tree) PutFile(d *Dir, name string) *File {
	f := d.files[name]
	if f == nil {
		t.Remove(d, name)
		f = &File{Dir: d, Name: name}
		if d.files == nil {
			d.files = map[string]*File{}
		}
		d.files[name] = f
	}
	f.gen = t.gen
	return f
}

// PutDir returns the directory of that name, which is there now, and whether it
// is new: another than was there.
func (t *Tree) PutDir(d *Dir, name string, m inode.Meta) (sub *Dir, isNew bool) {
	sub = d.dirs[name]
	if isNew = sub == nil || !inode.Same(sub.At.ID, m.ID); isNew {
		t.Remove(d, name)
		sub = newDir(d, name)
		sub.At = m
		sub.pub = published.NewDir(d.Path, name, m.MTime)
		if d.dirs == nil {
			d.dirs = map[string]*Dir{}
		}
		d.dirs[name] = sub
		t.dirs++
		t.change(d, nil, sub.pub)
	}
	sub.gen = t.gen
	return sub, isNew
}

// Publish has a file published as e, nil for not at all.
func (t *Tree) Publish(f *File, e *published.Entry, now time.Time) {
	t.now = now
	t.change(f.Dir, f.Pub, e)
	f.Pub = e
}

// change notes that a name in d goes from one entry to another.
func (t *Tree) change(d *Dir, from, to *published.Entry) {
	if (from == nil) != (to == nil) && d.Up != nil {
		t.stale[d] = struct{}{}
	}
	t.ledger.Change(from, to, t.now)
}

// TouchDirs gives directories whose set of published names has changed the
// time of their change. That of others stays, whatever temporary files come
// and go in them. It is called before what has changed is published.
func (t *Tree) TouchDirs() {
	for d := range t.stale {
		if d.pub != nil && d.pub.ID.MTime != d.At.MTime {
			e := published.NewDir(d.Up.Path, d.Name, d.At.MTime)
			t.change(d.Up, d.pub, e)
			d.pub = e
		}
	}
	clear(t.stale)
}

// Remove forgets whatever has this name.
func (t *Tree) Remove(d *Dir, name string) {
	if f := d.files[name]; f != nil {
		t.removeFile(f)
	}
	if sub := d.dirs[name]; sub != nil {
		t.removeDir(sub)
	}
	t.removeLeftOut(d, name)
}

func (t *Tree) removeFile(f *File) {
	t.Publish(f, nil, t.now)
	t.gone.FileGone(f)
	delete(f.Dir.files, f.Name)
}

// removeDir forgets a directory and all that is in it.
func (t *Tree) removeDir(d *Dir) {
	t.Empty(d)
	t.gone.DirGone(d)
	t.dirs--
	t.change(d.Up, d.pub, nil)
	d.pub = nil
	delete(d.Up.dirs, d.Name)
}

func (t *Tree) removeLeftOut(d *Dir, name string) {
	if o, ok := d.out[name]; ok {
		t.out[min(o.why, 1)]--
		delete(d.out, name)
	}
}

// Empty forgets all that is in a directory.
func (t *Tree) Empty(d *Dir) {
	t.removeIf(d, func(uint32) bool { return true })
}

// ForgetUnseen removes what the look that just ended at all of d did not see.
func (t *Tree) ForgetUnseen(d *Dir) {
	t.removeIf(d, func(gen uint32) bool { return gen != t.gen })
}

func (t *Tree) removeIf(d *Dir, is func(gen uint32) bool) {
	for _, f := range d.files {
		if is(f.gen) {
			t.removeFile(f)
		}
	}
	for _, sub := range d.dirs {
		if is(sub.gen) {
			t.removeDir(sub)
		}
	}
	for name, o := range d.out {
		if is(o.gen) {
			t.removeLeftOut(d, name)
		}
	}
}

// Reconsider removes what the rules of d ignore now, and returns the other
// directories in it, whose own rules may be others as well.
func (t *Tree) Reconsider(d *Dir) (dirs []*Dir) {
	for name, f := range d.files {
		if d.Rules.Ignored(d.Path, name, false) {
			t.removeFile(f)
		}
	}
	for name, sub := range d.dirs {
		if d.Rules.Ignored(d.Path, name, true) {
			t.removeDir(sub)
		} else {
			dirs = append(dirs, sub)
		}
	}
	return dirs
}

// Files calls f with all files and links.
func (t *Tree) Files(f func(*File)) { t.Root.each(f) }
