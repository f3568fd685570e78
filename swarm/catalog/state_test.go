package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

var (
	testSalt = Salt{1, 2, 3}
	testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

const testLife = 30 * 24 * time.Hour

// ident returns the identity of a fixed seed.
func ident(n int) *Identity {
	return IdentityFromSeed([32]byte{byte(n), byte(n >> 8), 7})
}

// peer is a state of its own with what a test needs around it.
type peer struct {
	t    testing.TB
	path string
	cfg  Config
	name string
	*State
	b    *Builder
	objs map[Hash][]byte
	now  time.Time
}

func newPeer(t testing.TB, n int, name string, change ...func(*Config)) *peer {
	p := &peer{t: t, path: filepath.Join(t.TempDir(), "catalog.db"), name: name, now: testTime}
	p.cfg = Config{Self: ident(n), Salt: testSalt}
	for _, f := range change {
		f(&p.cfg)
	}
	p.open()
	t.Cleanup(func() { p.cfg.Store.Close() })
	return p
}

func (p *peer) open() {
	p.t.Helper()
	store, err := OpenStore(p.path, testSalt, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cfg.Store = store
	if p.State, err = NewState(p.cfg); err != nil {
		p.t.Fatal(err)
	}
	p.b = NewBuilder(func(h Hash, data []byte) error { p.objs[h] = data; return nil })
}

// restart closes the store and opens it again.
func (p *peer) restart() {
	p.t.Helper()
	if err := p.cfg.Store.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.open()
}

// share publishes files.
func (p *peer) share(files ...File) Head {
	p.t.Helper()
	p.objs = make(map[Hash][]byte)
	tree := mustBuild(p.t, p.b, files)
	p.now = p.now.Add(time.Second)
	h, _, err := p.Publish(Publication{Tree: tree, Objects: p.objs, Name: p.name, Life: testLife}, p.now)
	if err != nil {
		p.t.Fatal(err)
	}
	return h
}

// learn takes in an author's newest head from another state, with all objects,
// and returns how many of those came.
func (p *peer) learn(from *peer, k Key) int {
	p.t.Helper()
	h, ok := from.Head(k)
	if !ok {
		p.t.Fatalf("no head of %s", k.Short())
	}
	r, err := p.Apply(h, p.now)
	if err != nil {
		p.t.Fatal(err)
	}
	if r == Stale {
		return 0
	}
	return p.fetch(from, k)
}

func (p *peer) fetch(from *peer, k Key) int {
	p.t.Helper()
	n := 0
	for todo := p.Missing(k); len(todo) > 0; n++ {
		data, err := from.Object(todo[0])
		if err != nil {
			p.t.Fatal(err)
		}
		todo = append(todo[1:], p.PutObject(data, p.now).Missing...)
	}
	if missing := p.Missing(k); len(missing) > 0 {
		p.t.Fatalf("%d objects missing after all were put", len(missing))
	}
	return n
}

// hear learns of everything that another member shares himself.
func (p *peer) hear(from *peer) int {
	p.t.Helper()
	return p.learn(from, from.cfg.Self.Key())
}

// ls returns the names in a directory as shown.
func ls(t testing.TB, v *View, path string) []string {
	t.Helper()
	list, err := v.ReadDir(path)
	if err != nil {
		t.Fatalf("ReadDir(%q): %v", path, err)
	}
	names := []string{}
	for _, e := range list {
		names = append(names, e.Name)
		got, err := v.Lookup(join(path, e.Name))
		if err != nil || got.Name != e.Name || got.Root != e.Root || got.Member != e.Member || got.Kind != e.Kind {
			t.Errorf("Lookup(%q): got %+v, %v, but ReadDir has %+v", join(path, e.Name), got, err, e)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("ReadDir(%q) not sorted: %q", path, names)
	}
	return names
}

func wantLs(t testing.TB, v *View, path string, want ...string) {
	t.Helper()
	if got := ls(t, v, path); !slices.Equal(got, want) {
		t.Errorf("%q: got %q, want %q", path, got, want)
	}
}

func TestHeadBecomesVisibleWholeAndAtOnce(t *testing.T) {
	a, b := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	var files []File
	for i := range 1000 {
		files = append(files, file(fmt.Sprintf("d%d/e%d/f%04d", i%3, i%7, i), i))
	}
	h := a.share(files...)
	if r, err := b.Apply(h, b.now); r != Accepted || err != nil {
		t.Fatalf("got %v, %v", r, err)
	}
	todo := b.Missing(h.Key)
	for len(todo) > 0 {
		if n := len(b.View().Members()); n != 0 {
			t.Fatalf("visible while %d objects are missing", len(todo))
		}
		data, err := a.Object(todo[0])
		if err != nil {
			t.Fatal(err)
		}
		p := b.PutObject(data, b.now)
		if !p.New || p.Hash != todo[0] {
			t.Fatalf("put of %v: %+v", todo[0], p)
		}
		if again := b.PutObject(data, b.now); again.New {
			t.Fatal("an object was new twice")
		}
		todo = append(todo[1:], p.Missing...)
	}
	if n := len(b.View().Members()); n != 1 {
		t.Fatalf("%d members visible after the last object", n)
	}
	wantLs(t, b.View(), "", "d0", "d1", "d2")
	if n := len(ls(t, b.View(), "d0/e0")); n != 48 {
		t.Errorf("d0/e0 has %d files, want 48", n)
	}
}

func TestEditIsFetchedByItsPathOnly(t *testing.T) {
	a, b := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	files := many(10_000)
	a.share(files...)
	t.Logf("first: %d objects", b.hear(a))
	files[5000] = file(files[5000].Path, 1_000_001)
	a.share(files...)
	if n := b.hear(a); n > 4 {
		t.Errorf("an edit fetched %d objects", n)
	}
	e, err := b.View().Lookup(files[5000].Path)
	if err != nil || e.Size != files[5000].Size {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestReplayAndRollbackFailAcrossRestarts(t *testing.T) {
	a, b := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	old := a.share(file("old", 1))
	b.hear(a)
	a.share(file("new", 2))
	b.hear(a)
	for range 2 {
		if r, err := b.Apply(old, b.now); r != Stale || err != nil {
			t.Errorf("rollback: got %v, %v", r, err)
		}
		wantLs(t, b.View(), "", "new")
		b.restart()
	}
	// Nor after the catalogue itself was forgotten.
	b.now = b.now.Add(2 * testLife)
	b.Sweep(b.now)
	wantLs(t, b.View(), "")
	b.restart()
	if r, _ := b.Apply(old, testTime); r != Stale {
		t.Errorf("rollback after expiry: got %v", r)
	}
	newest, _ := a.Head(ident(1).Key())
	if r, _ := b.Apply(newest, b.now); r != Stale {
		t.Errorf("an expired head: got %v", r)
	}
	if r, _ := b.Apply(newest, testTime); r != Accepted {
		t.Errorf("the newest head, forgotten but not expired: got %v", r)
	}
}

func TestForgedHeadsAreRefused(t *testing.T) {
	a, b := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	good := a.share(file("x", 1))
	wrongSig, otherKey, otherDrive, otherSeq := good, good, good, good
	wrongSig.Sig[3]++
	otherKey.Key = ident(9).Key()
	otherDrive.Salt[0]++
	otherSeq.Seq += 1000
	for name, h := range map[string]Head{"signature": wrongSig, "key": otherKey, "drive": otherDrive, "seq": otherSeq} {
		if r, err := b.Apply(h, b.now); err == nil {
			t.Errorf("%s: got %v", name, r)
		}
	}
	foreign, err := SignHead(ident(1), Salt{9}, good.Seq, good.Summary)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Apply(foreign, b.now); !errors.Is(err, ErrSalt) {
		t.Errorf("head of another drive: got %v", err)
	}
	if len(b.Versions()) != 0 {
		t.Error("something was kept")
	}
}

func TestOwnHigherHeadIsOvertaken(t *testing.T) {
	a, b := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	a.share(file("x", 1))
	b.hear(a)
	// A restored backup: the same key, a store that knows less.
	restored := newPeer(t, 1, "anna")
	ahead, err := SignHead(ident(1), testSalt, testTime.Add(time.Hour).UnixMilli(), Summary{
		Root: emptyHash, Time: testTime, Expires: testTime.Add(testLife), Name: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Apply(ahead, b.now); err != nil {
		t.Fatal(err)
	}
	restored.share(file("y", 2))
	if n := b.hear(restored); n != 0 {
		t.Errorf("an old seq was taken, with %d objects", n)
	}
	if r, err := restored.Apply(ahead, restored.now); r != Overtaken || err != nil {
		t.Fatalf("got %v, %v", r, err)
	}
	h := restored.share(file("y", 2))
	if h.Seq != ahead.Seq+1 {
		t.Errorf("seq %d, want %d", h.Seq, ahead.Seq+1)
	}
	b.hear(restored)
	wantLs(t, b.View(), "", "y")
}

func TestPublishAgainIsNotNews(t *testing.T) {
	a := newPeer(t, 1, "anna")
	h := a.share(file("x", 1))
	a.restart()
	if again := a.share(file("x", 1)); again.Seq != h.Seq {
		t.Errorf("the same files got a new head")
	}
	a.now = a.now.Add(testLife / 2)
	if again := a.share(file("x", 1)); again.Seq <= h.Seq || !again.Expires.After(h.Expires) {
		t.Errorf("a head of half its life was not signed again")
	}
	if a.name = "ann"; a.share(file("x", 1)).Name != "ann" {
		t.Error("a new name was not published")
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	a, b := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	a.share(many(1000)...)
	b.share(file("own", 1))
	b.hear(a)
	// Half of a third catalogue.
	c := newPeer(t, 3, "carl")
	h := c.share(file("c/d/e", 5))
	if _, err := b.Apply(h, b.now); err != nil {
		t.Fatal(err)
	}
	data, _ := c.Object(h.Root)
	b.PutObject(data, b.now)
	b.restart()
	wantLs(t, b.View(), "", "dir", "own")
	if n := len(ls(t, b.View(), "dir")); n != 1000 {
		t.Errorf("%d files after the restart", n)
	}
	if n := b.fetch(c, h.Key); n != 2 {
		t.Errorf("%d objects were fetched, want the 2 that were missing", n)
	}
	wantLs(t, b.View(), "c/d", "e")
}

func TestGarbageIsCollected(t *testing.T) {
	a, b := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	for i := range 20 {
		files := many(300 + 10*i)
		files = append(files, file(fmt.Sprintf("deep/er/%d/x", i), i))
		a.share(files...)
		b.hear(a)
		b.now = b.now.Add(time.Hour)
		b.Sweep(b.now)
		b.Sweep(b.now.Add(time.Hour))
		if i == 10 {
			b.restart()
		}
	}
	fresh := newPeer(t, 3, "carl")
	fresh.hear(a)
	if len(b.nodes) != len(fresh.nodes) || b.held != fresh.held {
		t.Errorf("%d objects of %d bytes are kept, %d of %d are needed", len(b.nodes), b.held, len(fresh.nodes), fresh.held)
	}
	checkInvariants(t, b.State)
	if n := len(ls(t, b.View(), "dir")); n != 490 {
		t.Errorf("%d files are shown", n)
	}
}

// checkInvariants recounts what State keeps count of.
func checkInvariants(t testing.TB, s *State) {
	t.Helper()
	refs := map[Hash]int32{emptyHash: 1}
	held := int64(0)
	for _, a := range s.authors {
		for _, h := range []*Head{a.shown, a.want} {
			if h != nil {
				refs[h.Root]++
			}
		}
		if a.shown != nil && !s.nodes[a.shown.Root].complete {
			t.Errorf("%s is shown and not complete", a.key.Short())
		}
	}
	for _, n := range s.nodes {
		if n.here {
			held += n.weight()
		}
		for _, k := range n.kids {
			refs[k]++
		}
	}
	for h, n := range s.nodes {
		if n.refs != refs[h] {
			t.Errorf("%v has %d references, counted %d", h, refs[h], n.refs)
		}
		_, garbage := s.garbage[h]
		if garbage != (n.refs == 0) {
			t.Errorf("%v with %d references: garbage %v", h, n.refs, garbage)
		}
	}
	for h := range refs {
		if s.nodes[h] == nil {
			t.Errorf("%v is referred to and unknown", h)
		}
	}
	if held != s.held {
		t.Errorf("holds %d bytes, counted %d", held, s.held)
	}
}

func TestLookupOfNothing(t *testing.T) {
	a := newPeer(t, 1, "anna")
	a.share(file("d/x", 1))
	for _, path := range []string{"y", "d/y", "d/x/z", "/", "d/", "d//x", "..", "d/x~anna-00000000"} {
		if e, err := a.View().Lookup(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: got %+v, %v", path, e, err)
		}
	}
	for _, path := range []string{"y", "d/x"} {
		if _, err := a.View().ReadDir(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("ReadDir(%q): got %v", path, err)
		}
	}
	if e, err := a.View().Lookup(""); err != nil || e.Kind != KindDir || e.MTime.IsZero() {
		t.Errorf("root: got %+v, %v", e, err)
	}
}
