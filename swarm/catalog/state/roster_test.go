package state

import (
	"fmt"
	"math/rand"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"testing"
	"time"
)

// hearHead applies a head that somebody of the nth address group tells.
func (p *peer) hearHead(h catalog.Head, n int, told catalog.Told) Result {
	p.t.Helper()
	told.From = group(n)
	r, err := p.State.Apply(h, told, p.now)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// headOf signs a head of an empty catalogue.
func (p *peer) headOf(n int, seq int64, change ...func(*catalog.Summary)) catalog.Head {
	p.t.Helper()
	sum := catalog.Summary{Root: catalog.EmptyHash, Time: p.now, Expires: p.now.Add(catalogtest.Life), Name: fmt.Sprintf("m%d", n)}
	for _, f := range change {
		f(&sum)
	}
	h, err := catalog.SignHead(catalogtest.Identity(n), catalogtest.Salt, seq, sum)
	if err != nil {
		p.t.Fatal(err)
	}
	return h
}

// Fresh heads, far more than are kept, make nobody's sequence number forgotten,
// and keep nobody out who comes from elsewhere.
func TestFloodOfAuthorsIsNoRollback(t *testing.T) {
	p := newPeer(t, 1, "me", func(c *Config) { c.Limits.Absent, c.Limits.Known = 20, 400 })
	old, now := p.headOf(2, 5), p.headOf(2, 6)
	p.hearHead(old, 1, catalog.Told{})
	p.hearHead(now, 1, catalog.Told{})
	refused := 0
	for i := range 1200 {
		if p.hearHead(p.headOf(1000+i, 1), 2, catalog.Told{Met: i%2 == 0}) == Stale {
			refused++
		}
	}
	if n := p.Authors.Len(); n > 100 || refused < 1100 {
		t.Errorf("%d authors are known, %d were refused: more than the part of one address group", n, refused)
	}
	for range 2 {
		if r := p.hearHead(old, 3, catalog.Told{}); r != Stale {
			t.Errorf("rollback: got %v", r)
		}
		if r := p.hearHead(old, 2, catalog.Told{}); r != Stale {
			t.Errorf("rollback by the flooding group: got %v", r)
		}
		p.restart()
	}
	if r := p.hearHead(p.headOf(3, 1), 3, catalog.Told{}); r != Accepted {
		t.Errorf("a newcomer whom another group tells of: got %v", r)
	}
	p.restart()
	if n := p.Authors.Len(); n > 102 {
		t.Errorf("%d authors are known after a restart", n)
	}
	// Groups enough to fill the table: each has a few places left.
	for g := range 20 {
		for i := range 100 {
			p.hearHead(p.headOf(10_000+100*g+i, 1), 10+g, catalog.Told{})
		}
	}
	if r := p.hearHead(p.headOf(4, 1), 99, catalog.Told{}); r != Accepted {
		t.Errorf("a newcomer from elsewhere, the table being full: got %v", r)
	}
	if n := p.Authors.Len(); n > 500 {
		t.Errorf("%d authors are known", n)
	}
}

// Places are left for those whom the teller has met himself, and for those who
// come; and time gives them back.
func TestPlacesOfAGroup(t *testing.T) {
	p := newPeer(t, 1, "me", func(c *Config) { c.Limits.Known = 160 })
	fill := func(from int, told catalog.Told) (n int) {
		for i := range 100 {
			if p.hearHead(p.headOf(from+i, 1), 1, told) == Accepted {
				n++
			}
		}
		return n
	}
	if n := fill(1000, catalog.Told{}); n != 20 {
		t.Errorf("%d whom nobody vouches for, want half of 40", n)
	}
	if n := fill(2000, catalog.Told{Met: true}); n != 10 {
		t.Errorf("%d more who were met, want a quarter of 40", n)
	}
	come := func(n int) Result {
		p.Authors.Met(catalogtest.Identity(n).Key(), group(1), p.now)
		return p.hearHead(p.headOf(n, 1), 1, catalog.Told{})
	}
	for i := range 10 {
		if r := come(3000 + i); r != Accepted {
			t.Errorf("number %d who comes himself: got %v", i, r)
		}
	}
	if r := come(4000); r != Stale {
		t.Errorf("one more who comes: got %v", r)
	}
	before := p.Authors.Len()
	if p.Authors.Gone(catalogtest.Identity(4000).Key(), p.now); p.Authors.Len() != before-1 {
		t.Error("he is known, having no place, after he has gone")
	}
	for i := range 10 {
		p.Authors.Gone(catalogtest.Identity(3000+i).Key(), p.now)
	}
	p.restart()
	for range 2 { // a restart hides how long it was
		p.now = p.now.Add(maxAge)
		p.Sweep(p.now)
	}
	p.hearHead(p.headOf(4001, 1), 1, catalog.Told{}) // refused: there is need for room
	p.Sweep(p.now)
	if r := come(4000); r != Accepted || p.Authors.Len() != 1 {
		t.Errorf("after all have expired: got %v, %d are known", r, p.Authors.Len())
	}
}

// Who was told of by a group that floods, and comes himself from elsewhere, is
// counted where he is.
func TestAuthorsAreCountedAtHome(t *testing.T) {
	p := newPeer(t, 1, "me", func(c *Config) { c.Limits.Absent = 20 })
	friend := p.headOf(2, 1)
	p.hearHead(friend, 1, catalog.Told{})
	p.Authors.Met(friend.Key, group(7), p.now)
	p.hearHead(p.headOf(2, 2), 1, catalog.Told{Met: true}) // through somebody, while he is here
	p.Authors.Gone(friend.Key, p.now)
	for i := range 100 {
		p.now = p.now.Add(time.Second)
		p.hearHead(p.headOf(1000+i, 1), 1, catalog.Told{Met: true})
		n := 1000 + i
		p.Authors.Met(catalogtest.Identity(n).Key(), group(1), p.now) // keys are free
		p.Authors.Gone(catalogtest.Identity(n).Key(), p.now)
	}
	if _, ok := p.Authors.Head(friend.Key); !ok {
		t.Error("a hundred keys of one address group displaced a friend from another")
	}
	if n := len(p.Authors.Versions()); n > 21 {
		t.Errorf("%d absent authors are kept", n)
	}
}

// Of those whom one group brings only some are passed on: the next member charges
// us with them. Who comes himself is.
func TestFewOfAFloodArePassedOn(t *testing.T) {
	p := newPeer(t, 1, "me", func(c *Config) { c.Limits.Known = 3200 })
	for i := range 300 {
		p.hearHead(p.headOf(1000+i, 1), 1, catalog.Told{})
	}
	p.hearHead(p.headOf(2, 1), 2, catalog.Told{})
	for range 2 {
		if n := len(p.Authors.Versions()); n != 101 || len(p.View().Members()) != 301 {
			t.Errorf("%d authors are passed on of %d, want 101", n, len(p.View().Members()))
		}
		p.restart()
	}
	p.Authors.Met(catalogtest.Identity(1299).Key(), group(1), p.now)
	p.Authors.Met(catalogtest.Identity(1298).Key(), group(3), p.now)
	if n := len(p.Authors.Versions()); n != 103 {
		t.Errorf("%d authors are passed on after two of them came, want 103", n)
	}
}

// Whoever tells of an honest author before those who know him, and then of many
// others, does not take him along when these go.
func TestAuthorsAreCountedWithThoseWhoKnowThem(t *testing.T) {
	p := newPeer(t, 1, "me", func(c *Config) { c.Limits.Absent = 20 })
	h := p.headOf(2, 1)
	p.hearHead(h, 1, catalog.Told{Met: true})
	for i := range 10 {
		p.hearHead(p.headOf(100+i, 1), 1, catalog.Told{})
	}
	p.hearHead(h, 2, catalog.Told{Met: true})
	for i := range 100 {
		p.now = p.now.Add(time.Second)
		p.hearHead(p.headOf(1000+i, 1), 1, catalog.Told{Met: true})
	}
	if !p.shows(2) {
		t.Error("he went with the others")
	}
	checkInvariants(t, p.State)
}

// Anything in any order, within bounds that are always too narrow: what is
// counted stays true, and no sequence number of one who is known goes back.
func TestRosterRandomly(t *testing.T) {
	for seed := range 4 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { rosterRun(t, rand.New(rand.NewSource(int64(seed)))) })
	}
}

func rosterRun(t *testing.T, rng *rand.Rand) {
	p := newPeer(t, 1, "me", func(c *Config) {
		c.Limits = Limits{Absent: 12, Known: 60, Drive: 60 << 10}
		c.Trusted = []catalog.Key{catalogtest.Identity(20).Key()}
	})
	present := map[int]int{}
	seqs := map[catalog.Key]int64{}
	for range 1500 {
		n := 10 + rng.Intn(60)
		k := catalogtest.Identity(n).Key()
		switch rng.Intn(8) {
		case 0:
			p.Authors.Met(k, group(rng.Intn(5)), p.now)
			present[n]++
		case 1:
			if present[n] > 0 {
				p.Authors.Gone(k, p.now)
				present[n]--
			}
		case 2:
			p.now = p.now.Add(time.Duration(rng.Intn(100)) * time.Hour)
			p.Sweep(p.now)
		case 3:
			if rng.Intn(10) == 0 {
				p.restart()
				clear(present)
			}
		case 4:
			p.bulkTo(n, rng.Intn(30))
		default:
			h := p.headOf(n, int64(1+rng.Intn(50)), func(s *catalog.Summary) { s.Expires = p.now.Add(time.Duration(rng.Intn(60)) * day) })
			before, known := seqs[k]
			r := p.hearHead(h, rng.Intn(5), catalog.Told{Age: time.Duration(rng.Intn(40)) * day, Met: rng.Intn(2) == 0})
			if known && r == Accepted && h.Seq < before {
				t.Errorf("seq %d of author %d accepted after %d", h.Seq, n, before)
			}
		}
		clear(seqs)
		for k, a := range p.Authors.authors {
			seqs[k] = a.seq
		}
		if checkInvariants(t, p.State); t.Failed() {
			t.FailNow()
		}
	}
}

// bulkTo is a catalogue of some entries in one object, handed over at once.
func (p *peer) bulkTo(n, entries int) {
	p.t.Helper()
	var items []catalog.Item
	for i := range entries {
		items = append(items, catalog.Item{Name: fmt.Sprintf("f%02d-%060d", i, n)})
	}
	data := catalog.AppendShard(nil, items)
	p.hearHead(p.headOf(n, int64(1+p.now.Unix()%50), func(s *catalog.Summary) { s.Root = catalog.HashObject(data) }), n%5, catalog.Told{})
	p.PutObject(data, p.now)
}
