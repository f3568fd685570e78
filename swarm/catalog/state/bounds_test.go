package state

import (
	"fmt"
	"math/rand"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/names"
	"slices"
	"strings"
	"testing"
	"time"
)

// dirItem is an entry for the directory that an object makes.
func dirItem(name string, object []byte) catalog.Item {
	return catalog.Item{Name: name, Kind: catalog.KindDir, Root: catalog.HashObject(object)}
}

// offer signs a head for the last of some objects, which need not make sense,
// and hands all to p. It returns whether the tree became visible.
func offer(t *testing.T, p *peer, n int, objects ...[]byte) bool {
	t.Helper()
	h, err := catalog.SignHead(catalogtest.Identity(n), catalogtest.Salt, catalog.NextSeq(0, p.now), catalog.Summary{
		Root: catalog.HashObject(objects[len(objects)-1]), Time: p.now, Expires: p.now.Add(catalogtest.Life), Name: fmt.Sprintf("m%d", n)})
	if err != nil {
		t.Fatal(err)
	}
	before := p.View()
	if r, err := p.Apply(h, p.now); r != Accepted || err != nil {
		t.Fatalf("head: %v, %v", r, err)
	}
	for i := len(objects) - 1; i >= 0; i-- {
		p.PutObject(objects[i], p.now)
	}
	checkInvariants(t, p.State)
	if missing := p.Missing(h.Key); len(missing) > 0 {
		t.Errorf("%d objects missing", len(missing))
	}
	p.now = p.now.Add(time.Second)
	return p.View() != before
}

func TestDepth(t *testing.T) {
	p := newPeer(t, 1, "me")
	chain := func(n int) [][]byte {
		f := catalog.Item{Name: "f", Size: 1, Root: catalog.Hash{1}}
		objects := [][]byte{catalog.AppendShard(nil, []catalog.Item{f})}
		for range n {
			objects = append(objects, catalog.AppendShard(nil, []catalog.Item{dirItem("d", objects[len(objects)-1])}))
		}
		return objects
	}
	if !offer(t, p, 2, chain(names.MaxDepth-1)...) {
		t.Error("a path of 64 components is refused")
	}
	if offer(t, p, 3, chain(names.MaxDepth)...) {
		t.Error("a path of 65 components is taken")
	}
	if !offer(t, p, 3, chain(1)...) {
		t.Error("a good head after a bad one is refused")
	}
}

// A few small objects that name one another often make a tree of 100^8 entries.
func TestBomb(t *testing.T) {
	p := newPeer(t, 1, "me")
	objects := [][]byte{catalog.AppendShard(nil, []catalog.Item{{Name: "f"}})}
	for range 8 {
		var items []catalog.Item
		for i := range 100 {
			items = append(items, dirItem(fmt.Sprintf("d%02d", i), objects[len(objects)-1]))
		}
		objects = append(objects, catalog.AppendShard(nil, items))
	}
	if offer(t, p, 2, objects...) {
		t.Error("it is taken")
	}
}

func TestAuthorsWeight(t *testing.T) {
	p := newPeer(t, 1, "me", func(c *Config) { c.Limits.Author = 100 << 10 })
	a := newPeer(t, 2, "anna")
	a.share(catalogtest.Many(300)...)
	p.hear(a)
	if len(p.View().Members()) != 1 {
		t.Error("a catalogue within the bound is not shown")
	}
	old := p.View()
	a.share(catalogtest.Many(3000)...)
	h, _ := a.Authors.Head(a.cfg.Self.Key())
	p.Apply(h, p.now)
	for pending := p.Missing(h.Key); len(pending) > 0; {
		data, _ := a.Object(pending[0])
		pending = append(pending[1:], p.PutObject(data, p.now).Missing...)
	}
	if p.View() != old {
		t.Error("a catalogue beyond the bound is shown")
	}
	if p.Authors.Newer(h.Key, h.Seq) {
		t.Error("it would be fetched again")
	}
	a.share(catalogtest.Many(301)...)
	p.hear(a)
	if n := len(ls(t, p.View(), "dir")); n != 301 {
		t.Errorf("%d files of the next revision are shown", n)
	}
	own := newPeer(t, 3, "own", func(c *Config) { c.Limits.Author = 10 << 10 })
	tree, err := own.b.Apply(catalog.Delta{All: true, Put: catalogtest.Many(300)})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := own.Publish(Publication{Tree: tree, Name: "own", Life: catalogtest.Life}, own.now); err == nil {
		t.Error("our own catalogue beyond the bound is published")
	}
}

// A tree that never gets whole is given up when more has come than may.
func TestEndlessCatalogue(t *testing.T) {
	p := newPeer(t, 1, "me")
	var chain [][]byte
	last := catalog.AppendShard(nil, []catalog.Item{{Name: "end"}})
	for i := range 40_000 {
		last = catalog.AppendShard(nil, []catalog.Item{dirItem(fmt.Sprintf("d%d", i), last)})
		chain = append(chain, last)
	}
	p.objects.limits.Author = 4 << 20
	h, err := catalog.SignHead(catalogtest.Identity(2), catalogtest.Salt, 1, catalog.Summary{
		Root: catalog.HashObject(last), Time: p.now, Expires: p.now.Add(catalogtest.Life), Name: "evil"})
	if err != nil {
		t.Fatal(err)
	}
	p.Apply(h, p.now)
	taken := 0
	for _, data := range slices.Backward(chain) {
		if p.PutObject(data, p.now).New {
			taken++
		}
	}
	if taken == len(chain) || len(p.Wanting()) > 0 {
		t.Errorf("%d of %d objects were taken", taken, len(chain))
	}
	p.Sweep(p.now.Add(time.Hour))
	if p.objects.held > store.ObjectWeight {
		t.Errorf("%d bytes are kept", p.objects.held)
	}
	checkInvariants(t, p.State)
}

func TestIndexesThatLie(t *testing.T) {
	shard := func(names ...string) []byte {
		var items []catalog.Item
		for _, n := range names {
			items = append(items, catalog.Item{Name: n})
		}
		return catalog.AppendShard(nil, items)
	}
	ab, cd, bc, empty := shard("a", "b"), shard("c", "d"), shard("b", "c"), shard()
	k := func(first string, data []byte) catalog.Kid {
		return catalog.Kid{First: first, Hash: catalog.HashObject(data)}
	}
	low := catalog.AppendIndex(nil, 1, []catalog.Kid{k("a", ab), k("c", cd)})
	for name, c := range map[string]struct {
		objects [][]byte
		good    bool
	}{
		"true":              {[][]byte{ab, cd, low}, true},
		"wrong first name":  {[][]byte{ab, cd, catalog.AppendIndex(nil, 1, []catalog.Kid{k("a", ab), k("bb", cd)})}, false},
		"overlap":           {[][]byte{ab, bc, catalog.AppendIndex(nil, 1, []catalog.Kid{k("a", ab), k("b", bc)})}, false},
		"same child twice":  {[][]byte{ab, catalog.AppendIndex(nil, 1, []catalog.Kid{k("a", ab), k("b", ab)})}, false},
		"empty child":       {[][]byte{ab, empty, catalog.AppendIndex(nil, 1, []catalog.Kid{k("a", ab), k("c", empty)})}, false},
		"level too high":    {[][]byte{ab, cd, catalog.AppendIndex(nil, 2, []catalog.Kid{k("a", ab), k("c", cd)})}, false},
		"two levels":        {[][]byte{ab, cd, low, catalog.AppendIndex(nil, 2, []catalog.Kid{k("a", low)})}, true},
		"two levels in one": {[][]byte{ab, cd, low, catalog.AppendIndex(nil, 1, []catalog.Kid{k("a", low)})}, false},
	} {
		p := newPeer(t, 1, "me")
		if got := offer(t, p, 2, c.objects...); got != c.good {
			t.Errorf("%s: visible %v", name, got)
		}
		if c.good {
			wantLs(t, p.View(), "", "a", "b", "c", "d")
		}
		p.restart()
		checkInvariants(t, p.State)
	}
}

func TestMalformedObjectsSpoilTheirHead(t *testing.T) {
	p := newPeer(t, 1, "me")
	for i, bad := range []string{"", "x", "de", "d1:ele1:xi1ee", strings.Repeat("l", 9000) + strings.Repeat("e", 9000)} {
		data := []byte(bad)
		root := catalog.AppendShard(nil, []catalog.Item{dirItem("d", data)})
		if offer(t, p, 10+i, data, root) || offer(t, p, 50+i, data) {
			t.Errorf("%.20q is taken", bad)
		}
	}
	if len(p.Wanting()) > 0 {
		t.Error("something is still wanted")
	}
}

func TestObjectsNobodyNeedsAreNotKept(t *testing.T) {
	p := newPeer(t, 1, "me")
	data := catalog.AppendShard(nil, []catalog.Item{{Name: "x"}})
	if got := p.PutObject(data, p.now); got.New || p.Needs(got.Hash) {
		t.Errorf("got %+v", got)
	}
	if _, err := p.Object(catalog.HashObject(data)); err == nil {
		t.Error("it is there")
	}
}

// tinyHead offers a head of a catalogue with one file.
func tinyHead(t *testing.T, p *peer, n int) catalog.Key {
	t.Helper()
	offer(t, p, n, catalog.AppendShard(nil, []catalog.Item{{Name: fmt.Sprintf("f%d", n)}}))
	return catalogtest.Identity(n).Key()
}

func TestAbsentAuthorsAreBounded(t *testing.T) {
	p := newPeer(t, 1, "me", func(c *Config) {
		c.Limits.Absent = 20
		c.Trusted = []catalog.Key{catalogtest.Identity(100).Key()}
	})
	trusted := tinyHead(t, p, 100)
	met := tinyHead(t, p, 101)
	p.Met(met, p.now)
	p.Authors.Gone(met, p.now)
	present := tinyHead(t, p, 102)
	p.Met(present, p.now)
	for i := range 60 {
		tinyHead(t, p, 200+i)
		if n := len(p.Authors.Versions()); n > 21 {
			t.Fatalf("%d authors after %d", n, i)
		}
	}
	have := map[catalog.Key]bool{}
	for _, v := range p.Authors.Versions() {
		have[v.Key] = true
	}
	for name, k := range map[string]catalog.Key{"trusted": trusted, "met": met, "present": present, "newest": catalogtest.Identity(259).Key()} {
		if !have[k] {
			t.Errorf("the %s author is gone", name)
		}
	}
	if have[catalogtest.Identity(200).Key()] {
		t.Error("the oldest stranger is still there")
	}
	if names := ls(t, p.View(), ""); len(names) != len(have) {
		t.Errorf("%d files of %d authors are shown", len(names), len(have))
	}
	// His seq is not forgotten, and the same head may come back.
	gone := catalogtest.Identity(200).Key()
	if seq := p.Authors.authors[gone].seq; p.Authors.Newer(gone, seq-1) || !p.Authors.Newer(gone, seq) {
		t.Error("the seq of an evicted author is forgotten, or blocks his return")
	}
}

func TestDriveIsBounded(t *testing.T) {
	p := newPeer(t, 1, "me", func(c *Config) { c.Limits.Drive = 200 << 10 })
	met := newPeer(t, 90, "met")
	met.share(catalogtest.Many(300)...)
	p.Met(met.cfg.Self.Key(), p.now)
	p.hear(met)
	p.Authors.Gone(met.cfg.Self.Key(), p.now)
	for i := range 10 {
		a := newPeer(t, 100+i, fmt.Sprintf("a%d", i))
		var files []catalog.File
		for j := range 400 {
			files = append(files, catalogtest.File(fmt.Sprintf("own%d/f%d", i, j), 1000*i+j))
		}
		a.share(files...)
		h, _ := a.Authors.Head(a.cfg.Self.Key())
		p.now = p.now.Add(time.Second)
		p.Apply(h, p.now)
		for pending := p.Missing(h.Key); len(pending) > 0; {
			data, _ := a.Object(pending[0])
			pending = append(pending[1:], p.PutObject(data, p.now).Missing...)
			if p.objects.held > 220<<10 {
				t.Fatalf("%d bytes are held", p.objects.held)
			}
		}
		checkInvariants(t, p.State)
	}
	walkView(t, p.View())
	if n := len(ls(t, p.View(), "dir")); n != 300 {
		t.Errorf("of the member who was met %d files are left", n)
	}
	// All present and more than fits: the newest is not taken.
	for _, v := range p.Authors.Versions() {
		p.Met(v.Key, p.now)
	}
	before := len(p.View().Members())
	big := newPeer(t, 300, "big")
	big.share(catalogtest.Many(3000)...)
	h, _ := big.Authors.Head(big.cfg.Self.Key())
	p.Met(h.Key, p.now)
	p.Apply(h, p.now)
	for pending := p.Missing(h.Key); len(pending) > 0; {
		data, _ := big.Object(pending[0])
		pending = append(pending[1:], p.PutObject(data, p.now).Missing...)
	}
	if got := len(p.View().Members()); got != before || p.objects.held > 220<<10 {
		t.Errorf("%d members before, %d after, %d bytes", before, got, p.objects.held)
	}
	checkInvariants(t, p.State)
}

// Heads and objects in any order, lost ones, restarts and sweeps: what State
// counts stays true, and in the end everything is shown.
func TestRandomOrder(t *testing.T) {
	for seed := range 5 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomOrder(t, rand.New(rand.NewSource(int64(seed)))) })
	}
}

func randomOrder(t *testing.T, rng *rand.Rand) {
	p := newPeer(t, 1, "me")
	var authors []*peer
	for i := range 4 {
		authors = append(authors, newPeer(t, 2+i, fmt.Sprintf("a%d", i)))
	}
	files := make([]map[string]catalog.File, len(authors))
	pool := catalogtest.Objects{}
	var heads []catalog.Head
	for range 400 {
		i := rng.Intn(len(authors))
		switch rng.Intn(10) {
		case 0, 1:
			if files[i] == nil {
				files[i] = map[string]catalog.File{}
			}
			randomFiles(rng, files[i])
			var list []catalog.File
			for _, f := range files[i] {
				list = append(list, f)
			}
			heads = append(heads, authors[i].share(list...))
			for h, data := range authors[i].objs {
				pool[h] = data
			}
		case 2, 3:
			if len(heads) > 0 {
				p.Apply(heads[rng.Intn(len(heads))], p.now)
			}
		case 4:
			p.now = p.now.Add(time.Duration(rng.Intn(90)) * time.Second)
			p.Sweep(p.now)
		case 5:
			if rng.Intn(5) == 0 {
				p.restart()
			}
		default:
			for h, data := range pool {
				p.PutObject(data, p.now)
				if rng.Intn(3) == 0 && p.Needs(h) {
					t.Error("an object is still needed after it was put")
				}
				if rng.Intn(4) == 0 {
					break
				}
			}
		}
		checkInvariants(t, p.State)
		walkView(t, p.View())
		if t.Failed() {
			t.FailNow()
		}
	}
	for _, a := range authors {
		if _, ok := a.Authors.Head(a.cfg.Self.Key()); ok {
			p.hear(a)
			p.fetch(a, a.cfg.Self.Key())
		}
	}
	for i, a := range authors {
		v, ok := p.View().Member(a.cfg.Self.Key())
		if files[i] == nil {
			continue
		}
		if want := withDirs(files[i]); !ok || len(walkView(t, v)) != len(want) {
			t.Errorf("author %d: %d entries, want %d", i, len(walkView(t, v)), len(want))
		}
	}
}
