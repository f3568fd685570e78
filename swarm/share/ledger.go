package share

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// delta is what has become of a path since the last publication: nil stands
// for absent.
type delta struct {
	old, new *entry
}

// ledger collects changes and makes the next snapshot of them. Owned by loop.
type ledger struct {
	files  []File // the last snapshot; never changed
	deltas map[string]delta
	stale  map[*dir]struct{} // a name was published in it, or is no more
	since  time.Time         // of the first of deltas
	last   time.Time         // publication
	cost   time.Duration     // of the last one
	count  Published
}

// Published counts what Files lists.
type Published struct {
	Files, Links, Dirs int
	Bytes              int64 // of the Files
}

func (p *Published) add(e *entry, n int) {
	if e == nil {
		return
	}
	switch e.Kind {
	case Regular:
		p.Files += n
		p.Bytes += int64(n) * e.Size
	case Symlink:
		p.Links += n
	case Dir:
		p.Dirs += n
	}
}

func newLedger() *ledger {
	return &ledger{deltas: map[string]delta{}, stale: map[*dir]struct{}{}}
}

// set notes that path, in the directory d, goes from one entry to another.
func (l *ledger) set(d *dir, path string, from, to *entry) {
	if from == to {
		return
	}
	if len(l.deltas) == 0 {
		l.since = time.Now()
	}
	if (from == nil) != (to == nil) && d.up != nil {
		l.stale[d] = struct{}{}
	}
	if before, ok := l.deltas[path]; ok {
		from = before.old
	}
	if from == to {
		delete(l.deltas, path)
		return
	}
	l.deltas[path] = delta{from, to}
}

// put publishes n as e, nil for not at all, with the next publication.
func (l *ledger) put(n *node, e *entry) {
	l.set(n.dir, n.path(), n.pub, e)
	n.pub = e
}

// when returns the earliest time for the next publication. Its cost bounds
// how often, so that a large share that changes all the time does not do
// nothing else.
func (l *ledger) when(t timing) time.Time {
	gap := max(t.pace, min(5*l.cost, t.maxPace))
	return later(l.last.Add(gap), l.since.Add(t.lag))
}

// publish makes the next snapshot and returns what is different in it; seen is
// false if nobody can tell.
func (l *ledger) publish(now time.Time) (deltas map[string]delta, seen bool) {
	l.touchDirs()
	for _, d := range l.deltas {
		l.count.add(d.old, -1)
		l.count.add(d.new, 1)
		seen = seen || d.old == nil || d.new == nil || d.old.File != d.new.File
	}
	deltas = l.deltas
	if seen {
		l.files = merge(l.files, deltas)
	}
	l.deltas = map[string]delta{}
	l.last = now
	return deltas, seen
}

// touchDirs gives directories whose set of published names has changed the
// time of their change. That of others stays, whatever temporary files come
// and go in them.
func (l *ledger) touchDirs() {
	for d := range l.stale {
		if d.pub == nil {
			continue // removed
		}
		e := &entry{File: d.pub.File}
		e.MTime = time.Unix(0, d.id.mtime)
		if e.File != d.pub.File {
			l.set(d.up, d.path, d.pub, e)
			d.pub = e
		}
	}
	clear(l.stale)
}

// merge returns a new sorted list.
func merge(files []File, deltas map[string]delta) []File {
	paths := slices.SortedFunc(maps.Keys(deltas), strings.Compare)
	out := make([]File, 0, len(files)+len(paths))
	for _, p := range paths {
		i, found := slices.BinarySearchFunc(files, p, func(f File, p string) int {
			return strings.Compare(f.Path, p)
		})
		out = append(out, files[:i]...)
		if found {
			i++
		}
		files = files[i:]
		if e := deltas[p].new; e != nil {
			out = append(out, e.File)
		}
	}
	return slices.Clip(append(out, files...))
}
