package state

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"p2pfs/swarm/catalog/union"
	"slices"
	"testing"
)

// tree is everything a view shows, by path.
type tree map[string]union.Entry

func walkView(t testing.TB, v *union.View) tree {
	t.Helper()
	all := tree{}
	var walk func(dir string)
	walk = func(dir string) {
		list, err := v.ReadDir(dir)
		if err != nil {
			t.Fatalf("ReadDir(%q): %v", dir, err)
		}
		for _, e := range list {
			path := union.Join(dir, e.Name)
			if _, twice := all[path]; twice {
				t.Errorf("%s is shown twice", path)
			}
			all[path] = e
			if e.Kind == catalog.KindDir {
				walk(path)
			}
		}
	}
	walk("")
	return all
}

// naiveDiff compares all of two views.
func naiveDiff(t testing.TB, old, now *union.View) map[union.Change]bool {
	t.Helper()
	was, is := walkView(t, old), walkView(t, now)
	changes := map[union.Change]bool{}
	// inherited reports whether the directory that path is in is a change itself.
	inherited := func(path string, other tree, e union.Entry) bool {
		if len(path) == len(e.Name) {
			return false
		}
		up := path[:len(path)-len(e.Name)-1]
		o, ok := other[up]
		return !ok || o.Kind != catalog.KindDir
	}
	for path, e := range is {
		o, ok := was[path]
		switch {
		case !ok:
			if !inherited(path, was, e) {
				changes[union.Change{Path: path, Kind: union.Added}] = true
			}
		case e.Kind != o.Kind || e.Root != o.Root || e.Size != o.Size || e.Target != o.Target:
			changes[union.Change{Path: path, Kind: union.Replaced}] = true
		case !e.MTime.Equal(o.MTime) || e.Exec != o.Exec || e.V1 != o.V1 || e.Published != o.Published:
			changes[union.Change{Path: path, Kind: union.Touched}] = true
		}
	}
	for path, o := range was {
		if _, ok := is[path]; !ok && !inherited(path, is, o) {
			changes[union.Change{Path: path, Kind: union.Removed}] = true
		}
	}
	return changes
}

func checkDiff(t testing.TB, old, now *union.View) {
	t.Helper()
	list, err := union.Diff(old, now)
	if err != nil {
		t.Fatal(err)
	}
	got := map[union.Change]bool{}
	for _, c := range list {
		if got[c] {
			t.Errorf("%v told twice", c)
		}
		got[c] = true
	}
	want := naiveDiff(t, old, now)
	for c := range want {
		if !got[c] {
			t.Errorf("not told: %v", c)
		}
	}
	for c := range got {
		if !want[c] {
			t.Errorf("told, but did not happen: %v", c)
		}
	}
}

// model is what a drive holds, kept the simplest way.
type model struct {
	trees map[catalog.Key]map[string]catalog.File // with all directories
	rank  map[catalog.Key]int
	names map[catalog.Key]string
	paced bool
}

// checkView compares a whole view with the model, given who had the bare names
// before.
func (m *model) checkView(t testing.TB, v *union.View, before tree) {
	t.Helper()
	m.checkDir(t, v, "", "", slices.Collect(maps.Keys(m.trees)), before)
}

func (m *model) checkDir(t testing.TB, v *union.View, shownAt, at string, members []catalog.Key, before tree) {
	t.Helper()
	groups := map[string][]catalog.Key{}
	for _, k := range members {
		for path := range m.trees[k] {
			if dir, name := splitPath(path); dir == at {
				groups[name] = append(groups[name], k)
			}
		}
	}
	got := map[string]union.Entry{}
	list, err := v.ReadDir(shownAt)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		got[e.Name] = e
	}
	want := 0
	for name, group := range groups {
		want += m.checkGroup(t, v, shownAt, at, name, group, got, before)
	}
	if want != len(got) {
		t.Errorf("%q: %d entries, want %d", shownAt, len(got), want)
	}
}

// checkGroup checks all copies of one published name, and returns how many
// entries they make.
func (m *model) checkGroup(t testing.TB, v *union.View, shownAt, at, name string, group []catalog.Key, got map[string]union.Entry, before tree) int {
	t.Helper()
	slices.SortFunc(group, func(x, y catalog.Key) int { return cmp.Compare(m.rank[x], m.rank[y]) })
	bare, ok := got[name]
	if !ok || !slices.Contains(group, bare.Member) {
		t.Errorf("%s: bare name missing, or %s's", union.Join(shownAt, name), bare.Member.Short())
		return 0
	}
	owner := bare.Member
	if m.rank[group[0]] < 100 && owner != group[0] { // self or trusted
		t.Errorf("%s: %s goes before %s", union.Join(shownAt, name), group[0].Short(), owner.Short())
	}
	if was, ok := before[union.Join(shownAt, name)]; ok && m.rank[owner] >= 100 && slices.Contains(group, was.Member) && was.Member != owner {
		t.Errorf("%s: was %s's and still could be, is %s's", union.Join(shownAt, name), was.Member.Short(), owner.Short())
	}
	i := slices.Index(group, owner)
	group = slices.Concat([]catalog.Key{owner}, group[:i], group[i+1:])
	entries := 0
	for first := true; len(group) > 0; first = false {
		head := m.trees[group[0]][union.Join(at, name)]
		var same, rest []catalog.Key
		for i, k := range group {
			f := m.trees[k][union.Join(at, name)]
			equal := f.Kind == head.Kind && f.Root == head.Root && f.Size == head.Size && f.Target == head.Target
			if i == 0 || equal && (first || f.Kind != catalog.KindDir) {
				same = append(same, k)
			} else {
				rest = append(rest, k)
			}
		}
		shown := name
		if !first {
			w := union.Who{Name: m.names[same[0]], Key: same[0]}
			shown = w.LongName(name, head.Kind)
		}
		e, ok := got[shown]
		if !ok || e.Kind != head.Kind || e.Root != head.Root || !slices.Equal(e.Sources, same) {
			t.Errorf("%s: got %+v, want kind %v, root %v, sources %v", union.Join(shownAt, shown), e, head.Kind, head.Root, same)
		}
		if head.Kind == catalog.KindDir && ok {
			m.checkDir(t, v, union.Join(shownAt, shown), union.Join(at, name), same, before)
		}
		entries++
		group = rest
	}
	return entries
}

func splitPath(path string) (dir, name string) {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[:i], path[i+1:]
		}
	}
	return "", path
}

// withDirs returns files by path with the directories they are in.
func withDirs(files map[string]catalog.File) map[string]catalog.File {
	all := map[string]catalog.File{}
	for path, f := range files {
		all[path] = f
		for dir, _ := splitPath(path); dir != ""; dir, _ = splitPath(dir) {
			all[dir] = catalog.File{Path: dir, Kind: catalog.KindDir}
		}
	}
	return all
}

// randomFiles changes a member's files a little.
func randomFiles(rng *rand.Rand, files map[string]catalog.File) {
	for range 1 + rng.Intn(4) {
		path := string(rune('a'+rng.Intn(3))) + "aa"[:rng.Intn(3)]
		for rng.Intn(2) == 0 {
			path += "/" + string(rune('a'+rng.Intn(3)))
		}
		for old := range files { // a file may be in the way
			if old == path || len(old) > len(path) && old[:len(path)+1] == path+"/" || len(path) > len(old) && path[:len(old)+1] == old+"/" {
				delete(files, old)
			}
		}
		if rng.Intn(3) > 0 {
			files[path] = catalogtest.File(path, 0)
			f := files[path]
			seed := rng.Intn(3)
			f.Size, f.Root[0], f.Root[1] = int64(seed+1), byte(seed), 9
			f.Root = catalog.HashObject(f.Root[:2])
			f.Exec = rng.Intn(8) == 0
			files[path] = f
		}
	}
}

func TestUnionAgainstModel(t *testing.T) {
	for seed := range 6 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { unionRun(t, int64(seed), 4) })
	}
	for seed := range 2 { // more than are looked at one by one
		t.Run(fmt.Sprint("many ", seed), func(t *testing.T) { unionRun(t, int64(seed), 2*manyOthers) })
	}
}

func unionRun(t *testing.T, seed int64, others int) {
	rng := rand.New(rand.NewSource(seed))
	self := newPeer(t, 1, "me", func(c *Config) { c.Trusted = []catalog.Key{catalogtest.Identity(2).Key()} })
	peers := []*peer{self}
	for i := range others {
		peers = append(peers, newPeer(t, 2+i, fmt.Sprintf("m%d", i)))
	}
	files := make([]map[string]catalog.File, len(peers))
	for i := range files {
		files[i] = map[string]catalog.File{}
	}
	m := &model{trees: map[catalog.Key]map[string]catalog.File{}, rank: map[catalog.Key]int{}, names: map[catalog.Key]string{}}
	next := 100
	var past []*union.View
	for round := range 40 + 5*others {
		i := rng.Intn(len(peers))
		p := peers[i]
		randomFiles(rng, files[i])
		old, before := self.View(), walkView(t, self.View())
		p.share(slices.Collect(maps.Values(files[i]))...)
		if p != self {
			self.hear(p)
		}
		k := p.cfg.Self.Key()
		if _, ok := m.rank[k]; !ok {
			m.rank[k] = map[int]int{0: 0, 1: 1}[i]
			if i > 1 {
				m.rank[k] = next
				next++
			}
		}
		m.trees[k], m.names[k] = withDirs(files[i]), p.name
		m.checkView(t, self.View(), before)
		checkDiff(t, old, self.View())
		past = append(past, self.View())
		checkDiff(t, past[max(len(past)-5, 0)], self.View())
		if rng.Intn(10) == 0 {
			past, m.paced = nil, !m.paced
			after := walkView(t, self.View())
			self.restart()
			if m.paced {
				self.Pace()
			}
			checkSame(t, after, walkView(t, self.View()))
		}
		checkInvariants(t, self.State)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

func checkSame(t testing.TB, x, y tree) {
	t.Helper()
	if len(x) != len(y) {
		t.Errorf("%d entries before, %d after", len(x), len(y))
	}
	for path, e := range x {
		if o := y[path]; e.Member != o.Member || e.Root != o.Root || !slices.Equal(e.Sources, o.Sources) {
			t.Errorf("%s: %+v before, %+v after", path, e, o)
		}
	}
}

func TestDiffOfRenamedAndLeavingMembers(t *testing.T) {
	self, anna, bob := newPeer(t, 1, "me"), newPeer(t, 2, "anna"), newPeer(t, 3, "bob")
	self.share(catalogtest.File("x", 1), catalogtest.File("d/y", 1))
	anna.share(catalogtest.File("x", 2), catalogtest.File("d/y", 1), catalogtest.File("e/f/g", 3), catalogtest.File("d/z", 3))
	bob.share(catalogtest.File("x", 3), catalogtest.File("d/z", 4))
	steps := []func(){
		func() { self.hear(anna) },
		func() { self.hear(bob) },
		func() {
			anna.name = "ann"
			anna.share(catalogtest.File("x", 2), catalogtest.File("d/y", 1), catalogtest.File("e/f/g", 3), catalogtest.File("d/z", 3))
			self.hear(anna)
		},
		func() { self.Met(bob.cfg.Self.Key(), self.now) },
		func() { self.now = self.now.Add(2 * catalogtest.Life); self.Sweep(self.now) }, // anna expires
		func() { self.Authors.Gone(bob.cfg.Self.Key(), self.now); self.Sweep(self.now) },
	}
	for i, step := range steps {
		old := self.View()
		step()
		checkDiff(t, old, self.View())
		if t.Failed() {
			t.Fatalf("in step %d", i)
		}
	}
	wantLs(t, self.View(), "", "d", "x")
	if n := len(self.View().Members()); n != 1 {
		t.Errorf("%d members are left", n)
	}
}

func TestDiffIsCheapWhenLittleChanged(t *testing.T) {
	anna, self := newPeer(t, 2, "anna"), newPeer(t, 1, "me")
	files := catalogtest.Many(5000)
	anna.share(files...)
	self.hear(anna)
	self.share(catalogtest.Many(100)...)
	old := self.View()
	files[77] = catalogtest.File(files[77].Path, 1_000_000)
	anna.share(files...)
	self.hear(anna)
	checkDiff(t, old, self.View())
	if n := testing.AllocsPerRun(10, func() { union.Diff(old, self.View()) }); n > 500 {
		t.Errorf("a diff by one file makes %.0f allocations", n)
	}
}

// Between two views a bare name passed to another and both members' copies are
// as before.
func TestDiffOfANamePassedOn(t *testing.T) {
	self, anna, bob := newPeer(t, 1, "me"), newPeer(t, 2, "anna"), newPeer(t, 3, "bob")
	for _, dir := range []string{"", "d/e/"} {
		anna.share(catalogtest.File(dir+"x", 1), catalogtest.File("a", 1))
		self.hear(anna)
		bob.share(catalogtest.File(dir+"x", 2), catalogtest.File("b", 1))
		self.hear(bob)
		old := self.View()
		anna.share(catalogtest.File("a", 1))
		self.hear(anna)
		anna.share(catalogtest.File(dir+"x", 1), catalogtest.File("a", 1))
		self.hear(anna)
		checkDiff(t, old, self.View())
		if list, _ := union.Diff(old, self.View()); len(list) != 3 {
			t.Errorf("%q: got %v", dir, list)
		}
		bob.share()
		self.hear(bob)
	}
}
