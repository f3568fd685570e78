package state

import (
	"errors"
	"fmt"
	"io/fs"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"testing"
	"time"
)

func TestHeadBecomesVisibleWholeAndAtOnce(t *testing.T) {
	a, b := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	var files []catalog.File
	for i := range 1000 {
		files = append(files, catalogtest.File(fmt.Sprintf("d%d/e%d/f%04d", i%3, i%7, i), i))
	}
	h := a.share(files...)
	if r, err := b.Apply(h, b.now); r != Accepted || err != nil {
		t.Fatalf("got %v, %v", r, err)
	}
	pending := b.Missing(h.Key)
	for len(pending) > 0 {
		if n := len(b.View().Members()); n != 0 {
			t.Fatalf("visible while %d objects are missing", len(pending))
		}
		data, err := a.Object(pending[0])
		if err != nil {
			t.Fatal(err)
		}
		p := b.PutObject(data, b.now)
		if !p.New || p.Hash != pending[0] {
			t.Fatalf("put of %v: %+v", pending[0], p)
		}
		if again := b.PutObject(data, b.now); again.New {
			t.Fatal("an object was new twice")
		}
		pending = append(pending[1:], p.Missing...)
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
	files := catalogtest.Many(10_000)
	a.share(files...)
	t.Logf("first: %d objects", b.hear(a))
	files[5000] = catalogtest.File(files[5000].Path, 1_000_001)
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
	old := a.share(catalogtest.File("old", 1))
	b.hear(a)
	a.share(catalogtest.File("new", 2))
	b.hear(a)
	for range 2 {
		if r, err := b.Apply(old, b.now); r != Stale || err != nil {
			t.Errorf("rollback: got %v, %v", r, err)
		}
		wantLs(t, b.View(), "", "new")
		b.restart()
	}
	// Nor after the catalogue itself was forgotten.
	b.now = b.now.Add(2 * catalogtest.Life)
	b.Sweep(b.now)
	wantLs(t, b.View(), "")
	b.restart()
	if r, _ := b.Apply(old, catalogtest.Time); r != Stale {
		t.Errorf("rollback after expiry: got %v", r)
	}
	newest, _ := a.Authors.Head(catalogtest.Identity(1).Key())
	if r, _ := b.Apply(newest, b.now); r != Stale {
		t.Errorf("an expired head: got %v", r)
	}
	if r, _ := b.Apply(newest, catalogtest.Time); r != Stale {
		t.Errorf("the head of one who was nowhere for 60 days, with our clock set back: got %v", r)
	}
	if a.now = b.now; b.now.After(catalogtest.Time) {
		b.learn(a, a.share(catalogtest.File("newer", 3)).Key)
	}
	wantLs(t, b.View(), "", "newer")
}

func TestForgedHeadsAreRefused(t *testing.T) {
	a, b := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	good := a.share(catalogtest.File("x", 1))
	wrongSig, otherKey, otherDrive, otherSeq := good, good, good, good
	wrongSig.Sig[3]++
	otherKey.Key = catalogtest.Identity(9).Key()
	otherDrive.Salt[0]++
	otherSeq.Seq += 1000
	for name, h := range map[string]catalog.Head{"signature": wrongSig, "key": otherKey, "drive": otherDrive, "seq": otherSeq} {
		if r, err := b.Apply(h, b.now); err == nil {
			t.Errorf("%s: got %v", name, r)
		}
	}
	foreign, err := catalog.SignHead(catalogtest.Identity(1), catalog.Salt{9}, good.Seq, good.Summary)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Apply(foreign, b.now); !errors.Is(err, catalog.ErrSalt) {
		t.Errorf("head of another drive: got %v", err)
	}
	if len(b.Authors.Versions()) != 0 {
		t.Error("something was kept")
	}
}

func TestOwnHigherHeadIsOvertaken(t *testing.T) {
	a, b := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	a.share(catalogtest.File("x", 1))
	b.hear(a)
	// A restored backup: the same key, a store that knows less.
	restored := newPeer(t, 1, "anna")
	ahead, err := catalog.SignHead(catalogtest.Identity(1), catalogtest.Salt, catalogtest.Time.Add(time.Hour).UnixMilli(), catalog.Summary{
		Root: catalog.EmptyHash, Time: catalogtest.Time, Expires: catalogtest.Time.Add(catalogtest.Life), Name: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Apply(ahead, b.now); err != nil {
		t.Fatal(err)
	}
	restored.share(catalogtest.File("y", 2))
	if n := b.hear(restored); n != 0 {
		t.Errorf("an old seq was taken, with %d objects", n)
	}
	if r, err := restored.Apply(ahead, restored.now); r != Overtaken || err != nil {
		t.Fatalf("got %v, %v", r, err)
	}
	h := restored.share(catalogtest.File("y", 2))
	if h.Seq != ahead.Seq+1 {
		t.Errorf("seq %d, want %d", h.Seq, ahead.Seq+1)
	}
	b.hear(restored)
	wantLs(t, b.View(), "", "y")
}

func TestPublishAgainIsNotNews(t *testing.T) {
	a := newPeer(t, 1, "anna")
	h := a.share(catalogtest.File("x", 1))
	a.restart()
	if again := a.share(catalogtest.File("x", 1)); again.Seq != h.Seq {
		t.Errorf("the same files got a new head")
	}
	a.now = a.now.Add(catalogtest.Life / 2)
	if again := a.share(catalogtest.File("x", 1)); again.Seq <= h.Seq || !again.Expires.After(h.Expires) {
		t.Errorf("a head of half its life was not signed again")
	}
	if a.name = "ann"; a.share(catalogtest.File("x", 1)).Name != "ann" {
		t.Error("a new name was not published")
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	a, b := newPeer(t, 1, "anna"), newPeer(t, 2, "bob")
	a.share(catalogtest.Many(1000)...)
	b.share(catalogtest.File("own", 1))
	b.hear(a)
	// Half of a third catalogue.
	c := newPeer(t, 3, "carl")
	h := c.share(catalogtest.File("c/d/e", 5))
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
		files := catalogtest.Many(300 + 10*i)
		files = append(files, catalogtest.File(fmt.Sprintf("deep/er/%d/x", i), i))
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
	if len(b.objects.nodes) != len(fresh.objects.nodes) || b.objects.held != fresh.objects.held {
		t.Errorf("%d objects of %d bytes are kept, %d of %d are needed", len(b.objects.nodes), b.objects.held, len(fresh.objects.nodes), fresh.objects.held)
	}
	checkInvariants(t, b.State)
	if n := len(ls(t, b.View(), "dir")); n != 490 {
		t.Errorf("%d files are shown", n)
	}
}

func TestLookupOfNothing(t *testing.T) {
	a := newPeer(t, 1, "anna")
	a.share(catalogtest.File("d/x", 1))
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
	if e, err := a.View().Lookup(""); err != nil || e.Kind != catalog.KindDir || e.MTime.IsZero() {
		t.Errorf("root: got %+v, %v", e, err)
	}
}
