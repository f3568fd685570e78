package state

import (
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/names"
	"time"

	"go.etcd.io/bbolt"
)

// graph is the objects that are here and those that something refers to. What
// follows from a change (more is complete, or spoilt, or deleted) is work that
// is queued and done by run, so that nothing is deleted while a list of it is
// walked. Owned by State.
type graph struct {
	pace   *pace
	store  *store.Store
	limits Limits
	nodes  map[catalog.Hash]*node // all objects here, and those that something refers to
	held   int64                  // sum of the weights of the objects here

	rising  []*node        // nothing under them is missing: to be added up, and told to who waits
	falling []*node        // bad: to be told to who waits
	dropped []dropped      // deleted: to give back their references
	unused  []unused       // what nothing refers to, by since; may hold some that was deleted or is used again
	horizon time.Time      // what is unused since before is to be deleted; zero: nothing is
	decided []catalog.Hash // watched objects that became complete or bad
}

// dropped is a deleted object whose references are given back one by one.
type dropped struct {
	n         *node
	next      int  // index in kids
	collected bool // it was unused for long, and so is what only it referred to
}

// unused is an object that nothing has referred to since a time.
type unused struct {
	n     *node
	since time.Time
}

func newGraph(pace *pace, from *store.Store, limits Limits) *graph {
	g := &graph{pace: pace, store: from, limits: limits, nodes: make(map[catalog.Hash]*node)}
	g.ref(catalog.EmptyHash) // for ever
	g.addNode(catalog.EmptyHash, store.Stub{})
	return g
}

// load takes in the objects from disk.
func (g *graph) load(tx *bbolt.Tx) error {
	return store.EachSealed(tx, store.BucketNodes, func(k, v []byte) error {
		o, err := store.UnmarshalStub(v)
		if err != nil || len(k) != len(catalog.Hash{}) {
			return store.ErrNode
		}
		g.addNode(catalog.Hash(k), o)
		return nil
	})
}

// insert stores an object. It returns those that it names and that are not here.
func (g *graph) insert(h catalog.Hash, data []byte, o *catalog.Object) (missing []catalog.Hash) {
	told := store.StubOf(o)
	g.store.Put(func(b *store.Batch) { b.Objects[h], b.Nodes[h] = data, told.Marshal() })
	return g.addNode(h, told)
}

// needs reports whether an object is needed and not here.
func (g *graph) needs(h catalog.Hash) bool {
	n := g.nodes[h]
	return n != nil && !n.here && !n.bad
}

// ref notes a reference to an object and returns its node, which may not be
// here yet.
func (g *graph) ref(h catalog.Hash) *node {
	n := g.nodes[h]
	if n == nil {
		n = &node{hash: h}
		g.nodes[h] = n
	}
	n.refs++
	n.unused = false
	return n
}

// unref takes a reference back. What is complete and has no other is then
// unused, for views may still show it. The rest was never shown and is deleted
// at once, with all that it referred to: else it would go on being fetched.
func (g *graph) unref(h catalog.Hash) {
	n := g.nodes[h]
	switch n.refs--; {
	case n.refs > 0:
	case n.complete:
		g.disuse(n)
	default:
		g.delete(n, false)
	}
}

func (g *graph) disuse(n *node) {
	n.unused, n.since = true, g.pace.now
	g.unused = append(g.unused, unused{n, n.since})
	for i := len(g.unused) - 1; i > 0 && g.unused[i-1].since.After(g.unused[i].since); i-- {
		g.unused[i-1], g.unused[i] = g.unused[i], g.unused[i-1]
	}
}

// delete deletes an object that nothing refers to.
func (g *graph) delete(n *node, collected bool) {
	n.gone, n.unused = true, false
	delete(g.nodes, n.hash)
	if n.here {
		g.held -= n.Weight()
		g.store.Put(func(b *store.Batch) { b.Objects[n.hash], b.Nodes[n.hash] = nil, nil })
	}
	if len(n.Kids) > 0 {
		g.dropped = append(g.dropped, dropped{n, 0, collected})
	}
}

// addNode takes in what an object that is here tells of itself. It returns the
// kids that are not here.
func (g *graph) addNode(h catalog.Hash, told store.Stub) (missing []catalog.Hash) {
	n := g.nodes[h]
	if n == nil {
		n = &node{hash: h}
		g.nodes[h] = n
		g.disuse(n)
	}
	n.Stub = told
	n.here = true
	g.held += n.Weight()
	g.pace.spend(1 + len(n.Kids))
	spoilt := false
	for i, k := range n.Kids {
		kid := g.ref(k)
		if kid.complete || kid.bad {
			spoilt = spoilt || kid.bad
			continue
		}
		twice := len(kid.waiting) > 0 && kid.waiting[len(kid.waiting)-1].n == n
		if !kid.here && !twice {
			missing = append(missing, k)
		}
		n.await(i, kid)
	}
	switch {
	case spoilt:
		g.spoil(n)
	case n.missing == 0:
		g.rising = append(g.rising, n)
	}
	return missing
}

// fits reports whether what is under a complete object is no more than a member
// may have.
func (g *graph) fits(n *node) bool {
	return n.sum.entries <= g.limits.Entries && n.sum.bytes <= g.limits.Author && n.sum.height <= names.MaxDepth
}

// spoil notes that an object, or one under it, is not well-formed.
func (g *graph) spoil(n *node) {
	if n.bad {
		return
	}
	n.bad = true
	if n.watched {
		g.decided = append(g.decided, n.hash)
	}
	g.falling = append(g.falling, n)
}

// collect deletes what has been unused since before a time, and what becomes
// so by that.
func (g *graph) collect(before time.Time) {
	if before.After(g.horizon) {
		g.horizon = before
	}
	g.run()
}

// pending reports whether there is work for run.
func (g *graph) pending() bool {
	return len(g.rising)+len(g.falling)+len(g.dropped) > 0 || !g.horizon.IsZero()
}

// run does what is queued, until it is to pause.
func (g *graph) run() {
	for g.pace.left > 0 {
		switch {
		case len(g.rising) > 0:
			g.rise()
		case len(g.falling) > 0:
			g.fall()
		case len(g.dropped) > 0:
			g.drop()
		case !g.horizon.IsZero():
			g.collectOne()
		default:
			return
		}
	}
}

// finish does what makes complete what can be, without a pause.
func (g *graph) finish() {
	left := g.pace.left
	for len(g.rising) > 0 {
		g.rise()
	}
	g.pace.left = left
}

// giveUp drops the work that a panic came from.
func (g *graph) giveUp() {
	switch {
	case len(g.rising) > 0:
		cutLast(&g.rising)
	case len(g.falling) > 0:
		cutLast(&g.falling)
	default:
		cutLast(&g.dropped)
	}
}

// rise adds up what is under the last of rising, or tells one who waits for it.
func (g *graph) rise() {
	n := g.rising[len(g.rising)-1]
	if !n.complete && !n.gone && !n.bad {
		g.pace.spend(1 + len(n.Kids))
		if !g.add(n) {
			g.spoil(n)
		} else if n.complete, n.at = true, nil; n.watched {
			g.decided = append(g.decided, n.hash)
		}
	}
	if n.gone || n.bad || len(n.waiting) == 0 {
		g.rising = g.rising[:len(g.rising)-1]
		return
	}
	g.pace.spend(1)
	if p := n.release(); p.missing == 0 {
		g.rising = append(g.rising, p)
	}
}

// fall spoils one object that waits for the last of falling.
func (g *graph) fall() {
	n := g.falling[len(g.falling)-1]
	if len(n.waiting) == 0 {
		g.falling = g.falling[:len(g.falling)-1]
		return
	}
	g.pace.spend(1)
	g.spoil(n.release())
}

// drop gives back one reference of the last of dropped.
func (g *graph) drop() {
	d := &g.dropped[len(g.dropped)-1]
	if d.next == len(d.n.Kids) {
		g.dropped = g.dropped[:len(g.dropped)-1]
		return
	}
	n, i, collected := d.n, d.next, d.collected
	d.next++
	g.pace.spend(1)
	kid := g.nodes[n.Kids[i]]
	n.forgo(i, kid)
	g.unref(kid.hash)
	if collected && kid.unused { // has waited with its parent
		g.delete(kid, true)
	}
}

// collectOne deletes the object that is unused for longest, if that is long
// enough.
func (g *graph) collectOne() {
	if len(g.unused) == 0 || !g.unused[0].since.Before(g.horizon) {
		g.horizon = time.Time{}
		return
	}
	g.pace.spend(1)
	u := g.unused[0]
	g.unused[0] = unused{}
	g.unused = g.unused[1:]
	if u.n.unused && u.n.since.Equal(u.since) {
		g.delete(u.n, true)
	}
}
