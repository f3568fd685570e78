package build

import (
	"cmp"
	"p2pfs/swarm/catalog"
	"strings"
)

// dir is a directory as a Builder knows it.
type dir struct {
	name   string
	given  bool            // published for its own sake: it stays when it is empty
	mtime  int64           // as it was given; 0: that of the newest in it
	levels [][]span        // of its objects: shards, and the indexes above them, up to one; none if it is empty
	dirs   map[string]*dir // in it

	edits   []edit // that its objects do not have yet
	changed []*dir // of dirs, those with edits in or under them
	queued  bool   // is in its parent's changed
}

// span is an object of a directory: the names from its first up to the next one's.
type span struct {
	hash   catalog.Hash
	first  string
	mark   uint64         // of first
	newest int64          // mtime in a shard
	kids   []catalog.Hash // of an index
}

// edit is an item that is put, or the name of one that is gone.
type edit struct {
	item catalog.Item
	rank rank
	nth  int32 // in the list
}

// compare orders edits by name, of one name the one that counts first.
func (e edit) compare(x edit) int {
	return cmp.Or(cmp.Compare(e.item.Name, x.item.Name), cmp.Compare(x.rank, e.rank), cmp.Compare(e.nth, x.nth))
}

func (d *dir) edit(it catalog.Item, r rank) {
	d.edits = append(d.edits, edit{it, r, int32(len(d.edits))})
}

// rank says what an edit is; of several of one name the highest counts.
type rank uint8

const (
	isGone rank = iota
	isFile      // or symlink
	isDir
)

// gone notes that what has a path is no more.
func (d *dir) gone(path string) {
	for rest, more := path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		sub := d.dirs[name]
		switch {
		case sub == nil && more:
			return
		case sub == nil:
			d.edit(catalog.Item{Name: name}, isGone)
			return
		}
		d.queue(sub)
		d = sub
	}
	d.given, d.mtime = false, 0
}

// put notes that a path has an item. A directory that is put again stays what
// was put first. False if it is not taken.
func (d *dir) put(path string, it catalog.Item) bool {
	for rest, more := path, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		if !more && it.Kind != catalog.KindDir {
			if sub := d.dirs[name]; sub != nil { // gone, unless something is in it
				sub.given, sub.mtime = false, 0
				d.queue(sub)
			}
			d.edit(it, isFile)
			return true
		}
		sub := d.dirs[name]
		if sub == nil {
			sub = &dir{name: strings.Clone(name)}
			if d.dirs == nil {
				d.dirs = make(map[string]*dir)
			}
			d.dirs[sub.name] = sub
		}
		d.queue(sub)
		d = sub
	}
	d.given, d.mtime = true, it.MTime
	return true
}

func (d *dir) queue(sub *dir) {
	if !sub.queued {
		sub.queued = true
		d.changed = append(d.changed, sub)
	}
}

func (d *dir) empty() bool { return !d.given && len(d.levels) == 0 }

// hash returns the topmost object of a directory.
func (d *dir) hash() catalog.Hash {
	if len(d.levels) == 0 {
		return catalog.EmptyHash
	}
	return d.levels[len(d.levels)-1][0].hash
}

// item returns a directory as an entry of the one that it is in.
func (d *dir) item() catalog.Item {
	it := catalog.Item{Name: d.name, Kind: catalog.KindDir, Root: d.hash(), MTime: d.mtime}
	if it.MTime == 0 && len(d.levels) > 0 {
		for i := range d.levels[0] {
			it.MTime = max(it.MTime, d.levels[0][i].newest)
		}
	}
	return it
}
