package state

import (
	"fmt"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"slices"
	"strings"
	"testing"
)

// trio returns a view's owner, and two others it hears.
func trio(t *testing.T, change ...func(*Config)) (self, anna, bob *peer) {
	return newPeer(t, 1, "me", change...), newPeer(t, 2, "anna"), newPeer(t, 3, "bob")
}

func long(p *peer, stem, ext string) string {
	return stem + "~" + p.name + "-" + p.cfg.Self.Key().Short() + ext
}

func TestSameContentIsOneFileWithManySources(t *testing.T) {
	self, anna, bob := trio(t)
	anna.share(catalogtest.File("x.txt", 1), catalogtest.File("only", 2))
	bob.share(catalogtest.File("x.txt", 1))
	self.hear(anna)
	self.hear(bob)
	wantLs(t, self.View(), "", "only", "x.txt")
	e, err := self.View().Lookup("x.txt")
	if err != nil {
		t.Fatal(err)
	}
	a, b := anna.cfg.Self.Key(), bob.cfg.Self.Key()
	if e.Member != a || !slices.Equal(e.Sources, []catalog.Key{a, b}) {
		t.Errorf("got member %s, sources %v", e.Member.Short(), e.Sources)
	}
}

func TestConflictsAreAllVisible(t *testing.T) {
	self, anna, bob := trio(t)
	anna.share(catalogtest.File("d/x.txt", 1))
	self.hear(anna)
	bob.share(catalogtest.File("d/x.txt", 2), catalogtest.File("d/y", 2))
	self.hear(bob)
	wantLs(t, self.View(), "d", "x.txt", long(bob, "x", ".txt"), "y")
	if e, _ := self.View().Lookup("d/x.txt"); e.Member != anna.cfg.Self.Key() {
		t.Errorf("the bare name is %s's", e.Member.Short())
	}
	self.share(catalogtest.File("d/x.txt", 3))
	wantLs(t, self.View(), "d", "x.txt", long(anna, "x", ".txt"), long(bob, "x", ".txt"), "y")
	if e, _ := self.View().Lookup("d/x.txt"); e.Member != self.cfg.Self.Key() {
		t.Errorf("the bare name is not our own's")
	}
}

func TestTrustedGoBeforeOthers(t *testing.T) {
	self, anna, bob := trio(t, func(c *Config) { c.Trusted = []catalog.Key{catalogtest.Identity(3).Key()} })
	anna.share(catalogtest.File("x", 1))
	self.hear(anna)
	bob.share(catalogtest.File("x", 2))
	self.hear(bob)
	if e, _ := self.View().Lookup("x"); e.Member != bob.cfg.Self.Key() {
		t.Errorf("the bare name is not the trusted member's")
	}
}

func TestBareNameStaysWithWhoHadItFirst(t *testing.T) {
	self, anna, bob := trio(t)
	anna.share(catalogtest.File("other", 1)) // shown first of all, but had x last
	self.hear(anna)
	bob.share(catalogtest.File("x", 2), catalogtest.File("d/e/x", 2))
	self.hear(bob)
	anna.share(catalogtest.File("x", 1), catalogtest.File("d/e/x", 1), catalogtest.File("d/e/y", 1))
	self.hear(anna)
	owner := func(path string, want *peer) {
		t.Helper()
		if e, err := self.View().Lookup(path); err != nil || e.Member != want.cfg.Self.Key() {
			t.Errorf("%s: got %s, %v, want %s", path, e.Member.Short(), err, want.name)
		}
	}
	owner("x", bob)
	owner("d/e/x", bob)
	self.restart()
	owner("x", bob)
	owner("d/e/x", bob)
	// Inside a directory that is bob's, what anna has first is hers.
	bob.share(catalogtest.File("x", 3), catalogtest.File("d/e/x", 2), catalogtest.File("d/e/y", 2))
	self.hear(bob)
	owner("x", bob)
	owner("d/e/y", anna)
	owner("d/e/x", bob)
	// Once he has given it up it is another's, and stays so.
	bob.share(catalogtest.File("z", 3))
	self.hear(bob)
	owner("x", anna)
	bob.share(catalogtest.File("x", 3))
	self.hear(bob)
	owner("x", anna)
	self.restart()
	owner("x", anna)
}

func TestKinds(t *testing.T) {
	self, anna, bob := trio(t)
	anna.share(catalogtest.File("a", 1), catalogtest.File("d/x", 1))
	self.hear(anna)
	bob.share(catalogtest.File("a/y", 2), catalogtest.File("d", 2))
	self.hear(bob)
	wantLs(t, self.View(), "", "a", long(bob, "a", ""), "d", long(bob, "d", ""))
	wantLs(t, self.View(), long(bob, "a", ""), "y")
	wantLs(t, self.View(), "d", "x")
	// A directory that wins takes in the others.
	carl := newPeer(t, 4, "carl")
	carl.share(catalogtest.File("d/z", 1), catalogtest.File("a/z", 1))
	self.hear(carl)
	wantLs(t, self.View(), "d", "x", "z")
	wantLs(t, self.View(), "", "a", long(bob, "a", ""), long(carl, "a", ""), "d", long(bob, "d", ""))
}

func TestNamesThatLookLongAreShownLong(t *testing.T) {
	self, anna, bob := trio(t)
	fake := long(bob, "x", ".txt")
	anna.share(catalogtest.File(fake, 1), catalogtest.File("x.txt", 1), catalogtest.File(".p2pfs/evil", 1), catalogtest.File("d/.p2pfs", 1))
	self.hear(anna)
	longFake := strings.TrimSuffix(fake, ".txt") + "~anna-" + anna.cfg.Self.Key().Short() + ".txt"
	wantLs(t, self.View(), "", long(anna, ".p2pfs", ""), "d", "x.txt", longFake)
	wantLs(t, self.View(), "d", ".p2pfs")
	bob.share(catalogtest.File("x.txt", 2))
	self.hear(bob)
	if e, err := self.View().Lookup(fake); err != nil || e.Member != bob.cfg.Self.Key() {
		t.Errorf("%s: got %s, %v", fake, e.Member.Short(), err)
	}
	// His exact tree has them as they are.
	v, ok := self.View().Member(anna.cfg.Self.Key())
	if !ok {
		t.Fatal("no exact view")
	}
	wantLs(t, v, "", ".p2pfs", "d", "x.txt", fake)
}

func TestLongNamesThatCollide(t *testing.T) {
	self, anna, bob := trio(t)
	stem := strings.Repeat("n", 250)
	self.share(catalogtest.File(stem+"1", 1), catalogtest.File(stem+"2", 1), catalogtest.File(stem+"3", 1))
	anna.share(catalogtest.File(stem+"1", 2), catalogtest.File(stem+"2", 3), catalogtest.File(stem+"3", 4))
	before := self.View()
	self.hear(anna)
	names := ls(t, self.View(), "")
	if len(names) != 6 || len(slices.Compact(names)) != 6 {
		t.Errorf("got %d names: %q", len(names), names)
	}
	checkDiff(t, before, self.View())
	before = self.View()
	bob.share(catalogtest.File(stem+"1", 2))
	anna.share(catalogtest.File(stem+"2", 3), catalogtest.File(stem+"3", 4))
	self.hear(anna)
	checkDiff(t, before, self.View())
}

func TestSymlinksThatLeaveAreDropped(t *testing.T) {
	self, anna := newPeer(t, 1, "me"), newPeer(t, 2, "anna")
	links := map[string]bool{
		"x": true, "./x": true, "a/b": true, "..": false, "../x": false, "/etc": false, "a/../x": false, "a/../../x": false,
	}
	// A builder would not take them: make the shard by hand.
	var items []catalog.Item
	for target := range links {
		items = append(items, catalog.Item{Name: "l" + strings.ReplaceAll(target, "/", "_"), Kind: catalog.KindSymlink, Target: target})
	}
	slices.SortFunc(items, func(x, y catalog.Item) int { return strings.Compare(x.Name, y.Name) })
	shard := catalog.AppendShard(nil, items)
	var all []catalog.Item
	all = append(all, items...)
	all = append(all, catalog.Item{Name: "z", Kind: catalog.KindDir, Root: catalog.HashObject(shard)})
	root := catalog.AppendShard(nil, all)
	anna.publishRaw(shard, root)
	self.hear(anna)
	got := ls(t, self.View(), "")
	if len(got) != 4 {
		t.Errorf("at the root: got %q", got)
	}
	// One directory down, one ".." stays inside.
	if got = ls(t, self.View(), "z"); len(got) != 5 {
		t.Errorf("below: got %q", got)
	}
}

// publishRaw publishes objects made by hand, the root last.
func (p *peer) publishRaw(objects ...[]byte) catalog.Head {
	p.t.Helper()
	pub := Publication{Tree: catalog.Tree{Objects: map[catalog.Hash][]byte{}}, Name: p.name, Life: catalogtest.Life}
	for _, data := range objects {
		pub.Tree.Root = catalog.HashObject(data)
		pub.Tree.Objects[pub.Tree.Root] = data
	}
	p.now = p.now.Add(1e9)
	h, _, err := p.Publish(pub, p.now)
	if err != nil {
		p.t.Fatal(err)
	}
	return h
}

func TestMembers(t *testing.T) {
	self, anna, bob := trio(t)
	bob.name = "anna"
	anna.share(catalogtest.File("x", 1))
	bob.share(catalogtest.File("x", 2), catalogtest.File("y/z", 3))
	self.share()
	self.hear(anna)
	self.hear(bob)
	list := self.View().Members()
	if len(list) != 3 || !list[0].Self || list[2].Files != 2 || list[2].Name != "anna" {
		t.Fatalf("got %+v", list)
	}
	if list[1].Dir == list[2].Dir || list[1].Dir != "anna-"+anna.cfg.Self.Key().Short() {
		t.Errorf("dirs %q and %q", list[1].Dir, list[2].Dir)
	}
	v, ok := self.View().Member(bob.cfg.Self.Key())
	if !ok {
		t.Fatal("no view of bob")
	}
	wantLs(t, v, "", "x", "y")
	wantLs(t, v, "y", "z")
	if _, ok := self.View().Member(catalog.Key{}); ok {
		t.Error("a view of nobody")
	}
}

func TestManyMembersInOneDirectory(t *testing.T) {
	self := newPeer(t, 1, "me")
	for i := range 30 {
		p := newPeer(t, 10+i, fmt.Sprintf("m%d", i))
		p.share(catalogtest.File("all/x", i%3), catalogtest.File(fmt.Sprintf("all/own%02d", i), i))
		self.hear(p)
	}
	if n := len(ls(t, self.View(), "all")); n != 30+3 {
		t.Errorf("got %d entries", n)
	}
	e, _ := self.View().Lookup("all/x")
	if len(e.Sources) != 10 || e.Size != 1 {
		t.Errorf("got %d sources, size %d", len(e.Sources), e.Size)
	}
}
