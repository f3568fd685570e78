package state

import (
	"maps"
	"net/netip"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/build"
	"p2pfs/swarm/catalog/catalogtest"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/catalog/union"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// peer is a state of its own with what a test needs around it.
type peer struct {
	t    testing.TB
	path string
	cfg  Config
	name string
	*State
	b    *build.Builder
	objs map[catalog.Hash][]byte // of the last publication
	now  time.Time
}

func newPeer(t testing.TB, n int, name string, change ...func(*Config)) *peer {
	p := &peer{t: t, path: filepath.Join(t.TempDir(), "catalog.db"), name: name, now: catalogtest.Time}
	p.cfg = Config{Self: catalogtest.Identity(n), Salt: catalogtest.Salt}
	for _, f := range change {
		f(&p.cfg)
	}
	p.open()
	t.Cleanup(func() { p.cfg.Store.Close() })
	return p
}

func (p *peer) open() {
	p.t.Helper()
	store, err := store.Open(p.path, catalogtest.Salt, p.cfg.Log)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cfg.Store = store
	if p.State, err = New(p.cfg); err != nil {
		p.t.Fatal(err)
	}
	p.b = build.New(store.Object)
}

// Object is what it serves to others.
func (p *peer) Object(h catalog.Hash) ([]byte, error) { return p.store.Object(h) }

// restart closes the store and opens it again.
func (p *peer) restart() {
	p.t.Helper()
	if err := p.cfg.Store.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.open()
}

// Apply takes in a head that nobody tells anything of.
func (p *peer) Apply(h catalog.Head, now time.Time) (Result, error) {
	return p.State.Apply(h, catalog.Told{}, now)
}

// Met connects an author, from a place of his own.
func (p *peer) Met(k catalog.Key, now time.Time) { p.Authors.Met(k, group(int(k[0])), now) }

// group returns the nth address group.
func group(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{20, byte(n >> 8), byte(n)}), 24)
}

// share publishes files.
func (p *peer) share(files ...catalog.File) catalog.Head {
	p.t.Helper()
	return p.publish(catalog.Delta{All: true, Put: files})
}

// publish publishes a change.
func (p *peer) publish(d catalog.Delta) catalog.Head {
	p.t.Helper()
	tree, err := p.b.Apply(d)
	if err != nil {
		p.t.Fatal(err)
	}
	p.objs = tree.Objects
	p.now = p.now.Add(time.Second)
	h, _, err := p.Publish(Publication{Tree: tree, Name: p.name, Life: catalogtest.Life}, p.now)
	if err != nil {
		p.t.Fatal(err)
	}
	return h
}

// learn takes in an author's newest head from another state, with all objects,
// and returns how many of those came.
func (p *peer) learn(from *peer, k catalog.Key) int {
	p.t.Helper()
	h, ok := from.Authors.Head(k)
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
	n := p.fetch(from, k)
	p.settle()
	return n
}

// settle does all that waits in a state that is paced.
func (p *peer) settle() {
	for p.pace.left <= 0 && p.Step() {
	}
}

// fetch puts what an author's newest head lacks. There is more than one round
// where a directory is half here for the sake of another author: what it still
// lacks was told when it came.
func (p *peer) fetch(from *peer, k catalog.Key) int {
	p.t.Helper()
	n := 0
	for pending := p.Missing(k); len(pending) > 0; pending = p.Missing(k) {
		for before := n; len(pending) > 0; n++ {
			data, err := from.Object(pending[0])
			if err != nil {
				p.t.Fatal(err)
			}
			progress := p.PutObject(data, p.now)
			if n == before && !progress.New {
				p.t.Fatalf("object %v is missing and not taken", progress.Hash)
			}
			pending = append(pending[1:], progress.Missing...)
		}
	}
	return n
}

// hear learns of everything that another member shares himself.
func (p *peer) hear(from *peer) int {
	p.t.Helper()
	return p.learn(from, from.cfg.Self.Key())
}

// ls returns the names in a directory as shown.
func ls(t testing.TB, v *union.View, path string) []string {
	t.Helper()
	list, err := v.ReadDir(path)
	if err != nil {
		t.Fatalf("ReadDir(%q): %v", path, err)
	}
	names := []string{}
	for _, e := range list {
		names = append(names, e.Name)
		got, err := v.Lookup(union.Join(path, e.Name))
		if err != nil || got.Name != e.Name || got.Root != e.Root || got.Member != e.Member || got.Kind != e.Kind {
			t.Errorf("Lookup(%q): got %+v, %v, but ReadDir has %+v", union.Join(path, e.Name), got, err, e)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("ReadDir(%q) not sorted: %q", path, names)
	}
	return names
}

func wantLs(t testing.TB, v *union.View, path string, want ...string) {
	t.Helper()
	if got := ls(t, v, path); !slices.Equal(got, want) {
		t.Errorf("%q: got %q, want %q", path, got, want)
	}
}

// checkInvariants recounts what State keeps count of.
func checkInvariants(t testing.TB, s *State) {
	t.Helper()
	refs := map[catalog.Hash]int32{catalog.EmptyHash: 1}
	held := int64(0)
	for _, a := range s.Authors.authors {
		for _, h := range []*catalog.Head{a.shown, a.want} {
			if h != nil {
				refs[h.Root]++
			}
		}
		if a.shown != nil && !s.objects.nodes[a.shown.Root].complete {
			t.Errorf("%s is shown and not complete", a.key.Short())
		}
	}
	for _, n := range s.objects.nodes {
		if n.here {
			held += n.Weight()
		}
		for _, k := range n.Kids {
			refs[k]++
		}
	}
	for h, n := range s.objects.nodes {
		if n.refs != refs[h] {
			t.Errorf("%v has %d references, counted %d", h, refs[h], n.refs)
		}
		if n.unused != (n.refs == 0) {
			t.Errorf("%v with %d references: unused %v", h, n.refs, n.unused)
		}
	}
	checkWaiting(t, s)
	for h := range refs {
		if s.objects.nodes[h] == nil {
			t.Errorf("%v is referred to and unknown", h)
		}
	}
	if held != s.objects.held {
		t.Errorf("holds %d bytes, counted %d", held, s.objects.held)
	}
	checkPlaces(t, s)
}

// checkPlaces recounts the table of authors.
func checkPlaces(t testing.TB, s *State) {
	t.Helper()
	total, used := 0, map[netip.Prefix]int{}
	for _, a := range s.Authors.authors {
		if a.placed {
			total++
			used[a.group]++
		}
		if !a.placed && a.present == 0 && a.rank != myself {
			t.Errorf("%s has no place and is known", a.key.Short())
		}
	}
	if total != s.Authors.places.total || !maps.Equal(used, s.Authors.places.used) {
		t.Errorf("%d places in %v, counted %d in %v", total, used, s.Authors.places.total, s.Authors.places.used)
	}
}

// checkWaiting checks that what is incomplete waits for exactly the kids that
// are, unless it is spoilt, and that no work is left.
func checkWaiting(t testing.TB, s *State) {
	t.Helper()
	if s.objects.pending() || len(s.objects.decided) > 0 {
		t.Error("work is left")
	}
	for h, n := range s.objects.nodes {
		waits := int32(0)
		for i, k := range n.Kids {
			if n.at == nil || n.at[i] == 0 {
				continue
			}
			waits++
			if w := s.objects.nodes[k].waiting[n.at[i]-1]; w.n != n || int(w.kid) != i {
				t.Errorf("%v waits for its kid %d at another's place", h, i)
			}
			if kid := s.objects.nodes[k]; kid.complete || kid.bad {
				t.Errorf("%v waits for a kid that is decided", h)
			}
		}
		if waits != n.missing || n.complete && waits > 0 || n.here && !n.bad && n.complete == (waits > 0) {
			t.Errorf("%v waits for %d kids, counted %d; complete: %v, bad: %v", h, waits, n.missing, n.complete, n.bad)
		}
	}
}
