package state

import (
	"fmt"
	"math/rand"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"slices"
	"testing"
	"time"
)

// Two directories wait for one object: the first head is refused by it while
// the second is still to be looked at.
func TestHeadRefusedWhileItsObjectsAreWalked(t *testing.T) {
	leaf := catalog.AppendShard(nil, []catalog.Item{{Name: "f"}})
	dir := catalog.AppendShard(nil, []catalog.Item{dirItem("d", leaf)})
	lie := catalog.AppendIndex(nil, 1, []catalog.Kid{{First: "g", Hash: catalog.HashObject(leaf)}})
	root := catalog.AppendShard(nil, []catalog.Item{dirItem("a", dir), dirItem("b", lie)})
	for _, order := range [][][]byte{{root, dir, lie, leaf}, {root, lie, dir, leaf}} {
		p := newPeer(t, 1, "me")
		h := signRoot(t, p, 2, 1, catalog.HashObject(root))
		if _, err := p.Apply(h, p.now); err != nil {
			t.Fatal(err)
		}
		for _, data := range order {
			p.PutObject(data, p.now)
		}
		checkInvariants(t, p.State)
		if len(p.View().Members()) != 0 || len(p.Wanting()) != 0 || p.Authors.Newer(h.Key, h.Seq) {
			t.Error("a catalogue with an index that lies is not refused for good")
		}
	}
}

func signRoot(t testing.TB, p *peer, n int, seq int64, root catalog.Hash) catalog.Head {
	t.Helper()
	h, err := catalog.SignHead(catalogtest.Identity(n), catalogtest.Salt, seq, catalog.Summary{
		Root: root, Time: p.now, Expires: catalogtest.Time.Add(catalogtest.Life), Name: fmt.Sprintf("m%d", n)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Graphs of objects that name each other as they like, with indexes that lie
// and objects that are none, come in any order, with new heads, sweeps and
// restarts between: what is counted stays true, and in the end exactly the
// proper catalogues are shown.
func TestRandomGraphs(t *testing.T) {
	cases := 400
	if testing.Short() {
		cases = 60
	}
	for seed := range cases {
		g := newGraphRun(t, int64(seed))
		for range 40 + g.rng.Intn(80) {
			g.step()
			if seed%2 == 1 {
				g.work(g.rng.Intn(3))
			}
			if !g.p.busy() {
				checkInvariants(t, g.p.State)
			}
			g.checkShown()
		}
		g.finish()
		g.p.cfg.Store.Close()
		if t.Failed() {
			t.Fatalf("in graph %d", seed)
		}
	}
}

// graphRun is one random graph, and what a state was told of it.
type graphRun struct {
	t     *testing.T
	rng   *rand.Rand
	p     *peer
	pool  map[catalog.Hash][]byte
	list  []catalog.Hash // of pool, kids before parents
	newst map[catalog.Key]catalog.Head
	seqs  map[int]int64
}

func newGraphRun(t *testing.T, seed int64) *graphRun {
	g := &graphRun{
		t: t, rng: rand.New(rand.NewSource(seed)), p: newPeer(t, 1, "me"),
		pool: map[catalog.Hash][]byte{}, newst: map[catalog.Key]catalog.Head{}, seqs: map[int]int64{},
	}
	if seed%2 == 1 {
		g.p.Pace()
	}
	for n := 4 + g.rng.Intn(16); n > 0 || len(g.list) == 0; n-- {
		data := g.object()
		if h := catalog.HashObject(data); g.pool[h] == nil && h != catalog.EmptyHash {
			g.pool[h] = data
			g.list = append(g.list, h)
		}
	}
	return g
}

// object makes one more object above those that are there.
func (g *graphRun) object() []byte {
	n := g.rng.Intn(4)
	kind := g.rng.Intn(10)
	switch {
	case kind == 0:
		return fmt.Appendf(nil, "no object %d", g.rng.Intn(3))
	case kind < 4 || len(g.list) == 0:
		var items []catalog.Item
		for _, c := range g.letters(n) {
			items = append(items, catalog.Item{Name: c})
		}
		return catalog.AppendShard(nil, items)
	case kind < 7:
		var items []catalog.Item
		for _, c := range g.letters(n + 1) {
			items = append(items, catalog.Item{Name: c, Kind: catalog.KindDir, Root: g.any()})
		}
		return catalog.AppendShard(nil, items)
	}
	var kids []catalog.Kid
	level := 1
	for _, c := range g.letters(n + 1) {
		h := g.any()
		first, l := g.truth(h)
		if g.rng.Intn(4) > 0 && first != "" && (len(kids) == 0 || first > kids[len(kids)-1].First) {
			c, level = first, l+1
		} else if len(kids) > 0 && c <= kids[len(kids)-1].First {
			continue
		}
		kids = append(kids, catalog.Kid{First: c, Hash: h})
	}
	return catalog.AppendIndex(nil, min(level, 6), kids)
}

func (g *graphRun) any() catalog.Hash { return g.list[g.rng.Intn(len(g.list))] }

// letters returns up to n names, sorted.
func (g *graphRun) letters(n int) (names []string) {
	for range n {
		names = append(names, string(rune('a'+g.rng.Intn(8))))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// truth returns what an index may say of an object; "" where it is not proper.
func (g *graphRun) truth(h catalog.Hash) (first string, level int) {
	first, _, level, _ = g.proper(h)
	return first, level
}

// proper tells from the objects alone whether all under one is well-formed.
func (g *graphRun) proper(h catalog.Hash) (first, last string, level int, ok bool) {
	if h == catalog.EmptyHash {
		return "", "", 0, true
	}
	o, err := catalog.DecodeObject(g.pool[h])
	if err != nil {
		return "", "", 0, false
	}
	for i, it := range o.Items {
		if it.Kind == catalog.KindDir {
			if _, _, _, ok := g.proper(it.Root); !ok {
				return "", "", 0, false
			}
		}
		if i == 0 {
			first = it.Name
		}
		last = it.Name
	}
	for i, k := range o.Kids {
		f, l, lev, ok := g.proper(k.Hash)
		if !ok || f == "" || f != k.First || lev != o.Level-1 || i > 0 && f <= last {
			return "", "", 0, false
		}
		if i == 0 {
			first = f
		}
		last = l
	}
	return first, last, o.Level, true
}

func (g *graphRun) step() {
	p := g.p
	switch g.rng.Intn(12) {
	case 0, 1, 2:
		n := 2 + g.rng.Intn(4)
		g.seqs[n]++
		h := signRoot(g.t, p, n, g.seqs[n], g.any())
		if r, err := p.Apply(h, p.now); r != Accepted || err != nil {
			g.t.Errorf("head: %v, %v", r, err)
		}
		g.newst[h.Key] = h
	case 3:
		p.now = p.now.Add(time.Duration(g.rng.Intn(90)) * time.Second)
		p.Sweep(p.now)
	case 4:
		if g.rng.Intn(4) == 0 {
			paced := p.pace.left <= 0
			p.restart()
			if paced {
				p.Pace()
			}
		}
	default:
		h := g.any()
		for range 8 { // rather one that is needed
			if p.Needs(h) {
				break
			}
			h = g.any()
		}
		p.PutObject(g.pool[h], p.now)
		if p.Needs(h) {
			g.t.Error("an object is still needed after it was put")
		}
	}
}

// work does a little of what waits, one visit at a time.
func (g *graphRun) work(n int) {
	for range n {
		g.p.pace.left = 1
		g.p.advance()
		g.p.pace.left = 0
	}
}

// checkShown checks that nothing but proper catalogues is shown.
func (g *graphRun) checkShown() {
	for _, m := range g.p.View().Members() {
		if _, _, _, ok := g.proper(m.Root); !ok {
			g.t.Errorf("%s's catalogue is shown and not proper", m.Key.Short())
		}
	}
}

// finish puts all that is needed and checks what comes of every newest head.
func (g *graphRun) finish() {
	for more := true; more; {
		more = g.p.pace.left <= 0 && g.p.Step()
		for _, h := range g.list {
			if g.p.Needs(h) {
				g.p.PutObject(g.pool[h], g.p.now)
				more = true
			}
		}
	}
	checkInvariants(g.t, g.p.State)
	shown := map[catalog.Key]catalog.Hash{}
	for _, m := range g.p.View().Members() {
		shown[m.Key] = m.Root
	}
	for k, h := range g.newst {
		_, _, _, ok := g.proper(h.Root)
		if is := shown[k] == h.Root && len(g.p.Missing(k)) == 0; ok && !is {
			g.t.Errorf("%s: a proper catalogue is not shown", k.Short())
		}
	}
	if n := len(g.p.Wanting()); n > 0 {
		g.t.Errorf("%d heads still lack something", n)
	}
}
