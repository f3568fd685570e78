package state

import (
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/catalog/union"
	"time"
)

// settling finds out which names a member's next catalogue takes that others
// have already, and claims them for him since now. It goes through what is new
// in his tree one entry at a time, and through every new object once: what
// objects that were gone through before would have it do again is paid from an
// allowance. Who has used that up has all his names since now instead, by
// which nobody else loses any.
type settling struct {
	s      *settler
	a      *author
	h      *catalog.Head // which he wants shown
	since  uint64
	unpaid int           // entries of objects seen before that may still be visited
	dirs   []*settledDir // the last is gone through
}

// settledDir is a directory that is gone through.
type settledDir struct {
	path   string
	depth  int
	was    store.Finder   // in what is shown
	others []store.Finder // of members who have it too
	many   bool           // too many to look at: all are taken to have everything

	objects []catalog.Hash // to be looked into
	items   []catalog.Item // of the shard that is looked into, to be visited
	free    bool           // it is new
}

const (
	// unpaidVisits bounds the work that a head can cause with objects that came
	// before it: so much while there is some left of unpaidPerS for all heads
	// together, which gathers for a few heads at most, else unpaidLeast.
	unpaidVisits = 1 << 14
	unpaidPerS   = 1 << 15
	unpaidLeast  = 1 << 8
	// manyOthers is the number of members from which on a directory is not
	// looked up with each.
	manyOthers = 16
)

// settler settles heads that lack nothing, one after the other.
type settler struct {
	pace    *pace
	objects *graph
	ranking *ranking
	claims  *claimTable
	spare   spare
	now     *settling // of the head that is next; nil: none
}

// begin begins with an author's wanted head. A member's first catalogue, and our
// own, takes nothing from anybody.
func (s *settler) begin(a *author) {
	t := &settling{s: s, a: a, h: a.want, since: s.claims.tick()}
	s.now = t
	t.unpaid = unpaidLeast + s.spare.take(unpaidVisits-unpaidLeast, s.pace.now)
	if a.shown == nil || a.rank == myself || a.shown.Root == a.want.Root {
		return
	}
	in := s.objects.store
	d := &settledDir{was: in.Finder(a.shown.Root), objects: []catalog.Hash{a.want.Root}}
	for _, m := range s.ranking.members {
		if m.Who.Class != 0 && m.Who.Key != a.key {
			d.others = append(d.others, in.Finder(m.Summary.Root))
		}
		if len(d.others) > manyOthers {
			d.others, d.many = nil, true
			break
		}
	}
	t.enter(d)
}

// enter goes through a directory, unless nobody else has it.
func (t *settling) enter(d *settledDir) {
	if d.many || len(d.others) > 0 {
		t.dirs = append(t.dirs, d)
	}
}

// step does a little. False if all is done.
func (t *settling) step() (more bool, err error) {
	if len(t.dirs) == 0 {
		return false, nil
	}
	d := t.dirs[len(t.dirs)-1]
	switch {
	case t.unpaid <= 0:
		t.s.claims.renew(t.a)
		t.dirs = nil
	case len(d.items) > 0:
		it := &d.items[0]
		d.items = d.items[1:]
		t.visit(d, 1+len(d.others))
		err = t.item(d, it)
	case len(d.objects) > 0:
		h := d.objects[len(d.objects)-1]
		d.objects = d.objects[:len(d.objects)-1]
		err = t.open(d, h)
	default:
		t.dirs = t.dirs[:len(t.dirs)-1]
	}
	return true, err
}

// visit counts what is looked at for the sake of an object.
func (t *settling) visit(d *settledDir, n int) {
	t.s.pace.spend(n)
	if !d.free {
		t.unpaid -= n
	}
}

// open looks into an object of a directory.
func (t *settling) open(d *settledDir, h catalog.Hash) error {
	o, err := t.s.objects.store.Load(h)
	if err != nil {
		return err
	}
	n := t.s.objects.nodes[h]
	d.free = !n.settled
	n.settled = true
	t.visit(d, 1+len(o.Kids))
	d.items = o.Items
	for _, k := range o.Kids {
		same, err := d.was.Has(k, o.Level-1)
		if err != nil {
			return err
		}
		if !same {
			d.objects = append(d.objects, k.Hash)
		}
	}
	return nil
}

// item settles one entry.
func (t *settling) item(d *settledDir, it *catalog.Item) error {
	was, err := d.was.Find(it.Name)
	if err != nil || was != nil && *was == *it || !union.BareAt(it.Name, d.depth) {
		return err
	}
	isDir := it.Kind == catalog.KindDir
	wasDir := was != nil && was.Kind == catalog.KindDir
	if was != nil && (!isDir || wasDir && was.Root == it.Root) {
		return nil // he had the name, and has no more than that
	}
	down := &settledDir{path: union.Join(d.path, it.Name), depth: d.depth + 1, many: d.many, objects: []catalog.Hash{it.Root}}
	taken := d.many
	for i := range d.others {
		other, err := d.others[i].Find(it.Name)
		if err != nil {
			return err
		}
		taken = taken || other != nil
		if other != nil && other.Kind == catalog.KindDir {
			down.others = append(down.others, t.s.objects.store.Finder(other.Root))
		}
	}
	switch {
	case was == nil && taken:
		t.claim(d, down.path)
	case wasDir:
		down.was = t.s.objects.store.Finder(was.Root)
		t.enter(down)
	case was != nil && (down.many || len(down.others) > 0): // a file became a directory
		t.claim(d, down.path+"/")
	}
	return nil
}

// claimCost is what a claim counts as, in entries visited.
const claimCost = 16

func (t *settling) claim(d *settledDir, path string) {
	t.visit(d, claimCost)
	t.s.claims.add(t.a, path, t.since)
	if most := t.s.claims.crowd(); most != nil {
		t.s.claims.renew(most)
		if most.shown != nil {
			t.s.ranking.place(most)
		}
	}
}

// step goes on with the head that is settled. It returns its author when that is
// done, with the error, if there was one: then he has all his names since now.
func (s *settler) step() (*author, error) {
	t := s.now
	if t.a.want != t.h { // replaced or given up meanwhile
		s.end()
		return nil, nil
	}
	more, err := t.step()
	if err != nil {
		s.claims.renew(t.a)
	}
	if more && err == nil {
		return nil, nil
	}
	s.end()
	return t.a, err
}

// end gives back what is left of the allowance.
func (s *settler) end() {
	s.spare.left += max(s.now.unpaid-unpaidLeast, 0)
	s.now = nil
}

// spare is what is left of unpaidPerS.
type spare struct {
	left int
	at   time.Time // when it was taken from last; zero: never
}

// take takes up to n.
func (p *spare) take(n int, now time.Time) int {
	gap := min(max(now.Sub(p.at), 0), 2*time.Second) // from the zero time: all
	p.left = min(p.left+int(gap.Seconds()*unpaidPerS), 2*unpaidPerS)
	p.at = now
	n = min(n, p.left)
	p.left -= n
	return n
}
