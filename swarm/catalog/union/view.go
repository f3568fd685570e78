package union

import (
	"bytes"
	"cmp"
	"io/fs"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"slices"
	"strings"
	"sync"
	"time"
)

// View is the namespace of a drive at one moment: the union of all members'
// trees. Paths are "" for the root or components with '/' between.
//
// Same path and same content is one file with several sources, directories
// merge, and where content differs every copy is visible: one has the bare
// name, the others name~<member>-<key16>.ext. The bare name belongs to our own
// copy, then to a trusted member's, then to whose was seen here first.
//
// Immutable and safe for concurrent use. Directories are merged when first
// asked for, and kept while they stay the same.
type View struct {
	store   *store.Store
	members []*Ranked // shown, by rank
	dirs    *dirCache

	claimLog ClaimLog

	rootOnce  sync.Once
	rootParts []part // set by rootOnce
	exact     bool   // one member's tree as it is: no name is reserved
}

// member is a member with the tree that a view shows of him.
type Ranked struct {
	Who     *Who
	Claims  *Claims
	Summary catalog.Summary
	Seq     int64
}

// Who is a member as names show him. Immutable; the same pointer from view to
// view while nothing in it changes.
type Who struct {
	Key   catalog.Key
	Name  string
	Class uint8         // 0 self, 1 trusted, 2 others
	Order uint64        // since when he is shown
	Alone []catalog.Key // {key}, shared by all entries of which he is the only source
}

// Before orders members by rank.
func (w *Who) Before(x *Who) int {
	return cmp.Or(cmp.Compare(w.Class, x.Class), cmp.Compare(w.Order, x.Order), bytes.Compare(w.Key[:], x.Key[:]))
}

// Entry is a file, directory or symlink as a View shows it.
type Entry struct {
	Name    string // as shown: may be a long one
	Kind    catalog.Kind
	Size    int64 // bytes
	MTime   time.Time
	Exec    bool
	Root    catalog.Hash  // pieces root; zero for directories, symlinks and empty files
	V1      [20]byte      // v1 infohash; zero: not told
	Target  string        // of a symlink: relative, stays inside
	Member  catalog.Key   // whose attributes these are
	Sources []catalog.Key // all who have this content at this path, Member first; not to be changed
	// Published is the name in the member's own tree: the base name of the
	// torrent. It differs from Name where that is a long one.
	Published string
}

// Lookup returns the entry at path; of the root only Kind and MTime are set.
// It may read from disk, never from the network. fs.ErrNotExist if there is
// none.
func (v *View) Lookup(path string) (Entry, error) {
	if path == "" {
		return Entry{Kind: catalog.KindDir, MTime: v.newest()}, nil
	}
	at, name, err := v.parent(path)
	if err != nil {
		return Entry{}, err
	}
	sh, err := v.child(at, name)
	if err != nil {
		return Entry{}, err
	}
	return sh.entry(), nil
}

// ReadDir returns the entries of the directory at path, sorted by name.
// fs.ErrNotExist if there is none, or if it is no directory.
func (v *View) ReadDir(path string) ([]Entry, error) {
	at, err := v.at(path)
	if err != nil {
		return nil, err
	}
	d, err := v.merged(at)
	if err != nil {
		return nil, err
	}
	list := make([]Entry, len(d.shown))
	for i := range d.shown {
		list[i] = d.shown[i].entry()
	}
	return list, nil
}

// newest returns when the newest catalogue was signed.
func (v *View) newest() time.Time {
	var t time.Time
	for i := range v.members {
		if x := v.members[i].Summary.Time; x.After(t) {
			t = x
		}
	}
	return t
}

// place is a directory in a view: its path and who has it.
type place struct {
	path  string
	depth int // components of path
	parts []part
}

// part is what one member has of a directory.
type part struct {
	who    *Who
	claims *Claims
	root   catalog.Hash
}

// root returns the root directory's place.
func (v *View) root() place {
	v.rootOnce.Do(func() {
		v.rootParts = make([]part, len(v.members))
		for i, m := range v.members {
			v.rootParts[i] = part{m.Who, m.Claims, m.Summary.Root}
		}
	})
	return place{parts: v.rootParts}
}

// at returns the place of the directory at path.
func (v *View) at(path string) (place, error) {
	at := v.root()
	for rest, more := path, path != ""; more; {
		var name string
		name, rest, more = strings.Cut(rest, "/")
		sh, err := v.child(at, name)
		if err != nil {
			return at, err
		}
		if sh.kind() != catalog.KindDir {
			return at, fs.ErrNotExist
		}
		at = at.below(sh)
	}
	return at, nil
}

// parent returns the place of the directory that path is in, and path's last
// component.
func (v *View) parent(path string) (place, string, error) {
	i := strings.LastIndexByte(path, '/')
	at, err := v.at(path[:max(i, 0)])
	return at, path[i+1:], err
}

// below returns the place of a directory shown in p.
func (p place) below(sh *shown) place {
	down := place{path: Join(p.path, sh.name), depth: p.depth + 1, parts: make([]part, len(sh.sources))}
	for i, src := range sh.sources {
		down.parts[i] = part{src.who, src.claims, src.item.Root}
	}
	slices.SortFunc(down.parts, func(x, y part) int { return x.who.Before(y.who) }) // the first was promoted
	return down
}

func Join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// Member is a member whose tree a view shows.
type Member struct {
	Key     catalog.Key
	Dir     string // <name>-<key16>, unlike all others
	Self    bool
	Trusted bool
	Seq     int64
	catalog.Summary
}

// Members returns the members that v shows, by rank: ourselves, trusted ones,
// then by when they were first shown.
func (v *View) Members() []Member {
	list := make([]Member, len(v.members))
	dirs := make(map[string]bool)
	for i, m := range v.members {
		w := m.Who
		list[i] = Member{
			Key: w.Key, Self: w.Class == 0, Trusted: w.Class == 1, Seq: m.Seq, Summary: m.Summary,
		}
		for digits := 16; digits <= 2*len(w.Key); digits += 16 {
			list[i].Dir = w.Name + "-" + w.Key.String()[:digits]
			if !dirs[list[i].Dir] {
				break
			}
		}
		dirs[list[i].Dir] = true
	}
	return list
}

// Member returns the view of one member's tree exactly as published, but for
// symlinks that leave it.
func (v *View) Member(k catalog.Key) (*View, bool) {
	i := slices.IndexFunc(v.members, func(m *Ranked) bool { return m.Who.Key == k })
	if i < 0 {
		return nil, false
	}
	return &View{store: v.store, members: v.members[i : i+1], dirs: v.dirs, exact: true}, true
}
