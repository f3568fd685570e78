package share

import (
	"container/heap"
	"path"
	"time"
	"unicode/utf8"
)

const (
	maxDepth = 64  // names in a path (DESIGN section 10)
	maxName  = 255 // bytes of a name
)

// dir is a directory that is looked into. Owned by loop, as are all nodes.
type dir struct {
	up    *dir // nil for the share directory
	name  string
	path  string // below the share directory, "" for it
	depth int    // names in path
	id    meta   // when it was last open
	wd    int32
	gen   uint32 // of the scan that last saw it

	rules     *ruleset // in force here
	rulesUp   *ruleset // in force above when rules were made
	rulesFile meta     // of the ignore file that made them; zero: there is none

	dirs  map[string]*dir
	files map[string]*node // regular files and links
	odd   map[string]odd   // what is left out

	pub    *entry // nil for the share directory
	queued bool   // in loop.walk
	warned bool   // about an error in reading it
}

// node is a regular file or a link. Without pub and wait it is one that
// cannot be published as it is.
type node struct {
	dir  *dir
	name string
	gen  uint32
	meta meta
	pub  *entry // as published, or about to be
	wait *wait  // nil when there is nothing to come
}

func (n *node) path() string { return path.Join(n.dir.path, n.name) }

// odd is a name that is not published.
type odd struct {
	gen uint32
	why reason
}

type reason uint8

const (
	ignored    reason = iota // by name, or by an ignore file
	badName                  // not UTF-8, or too long
	tooDeep                  // below maxDepth
	notRegular               // a socket, device or FIFO
	linkLeaves               // a link that is absolute or leaves the share directory
	unreadable               // lstat or readlink failed
)

func (r reason) String() string {
	return [...]string{
		"ignored", "its name is not UTF-8 of at most 255 bytes", "it is too deep",
		"it is no regular file", "it leads out of the share directory", "it cannot be read",
	}[r]
}

func newDir(up *dir, name string) *dir {
	d := &dir{up: up, name: name, wd: noWatch, dirs: map[string]*dir{}, files: map[string]*node{}, odd: map[string]odd{}}
	if up != nil {
		d.path = path.Join(up.path, name)
		d.depth = up.depth + 1
		d.rules = up.rules
	}
	return d
}

// find returns the directory at p and whether it is known.
func (d *dir) find(names []string) (*dir, bool) {
	for _, name := range names {
		sub, ok := d.dirs[name]
		if !ok {
			return nil, false
		}
		d = sub
	}
	return d, true
}

func goodName(name string) bool {
	return len(name) <= maxName && utf8.ValidString(name)
}

// wait is what a file that is not settled, hashed or saved yet waits for.
type wait struct {
	n     *node
	due   time.Time // when to look again; zero: not in the heap
	index int       // in the heap, -1 if it is not there
	tries int       // how often a writer had it open
	stale int       // how often the open file was not what a stat had said
	since time.Time // since when it has looked like this
	job   *job      // settling and hashing it
	asked bool      // while job was at it
}

// dues is a heap of what is to be looked at again, the earliest first.
type dues []*wait

func (d dues) Len() int           { return len(d) }
func (d dues) Less(i, j int) bool { return d[i].due.Before(d[j].due) }
func (d dues) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

// Push is for container/heap.
func (d *dues) Push(x any) {
	w := x.(*wait)
	w.index = len(*d)
	*d = append(*d, w)
}

// Pop is for container/heap.
func (d *dues) Pop() any {
	last := len(*d) - 1
	w := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	w.index = -1
	return w
}

// set has w looked at again at the time due.
func (d *dues) set(w *wait, due time.Time) {
	w.due = due
	if w.index >= 0 {
		heap.Fix(d, w.index)
	} else {
		heap.Push(d, w)
	}
}

// unset takes w out.
func (d *dues) unset(w *wait) {
	if w.index >= 0 {
		heap.Remove(d, w.index)
	}
}

// pop returns what is due at now, nil if nothing is.
func (d *dues) pop(now time.Time) *wait {
	if len(*d) == 0 || (*d)[0].due.After(now) {
		return nil
	}
	return heap.Pop(d).(*wait)
}
