package state

import (
	"fmt"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"testing"
	"time"
)

// bulk publishes n files of a peer's own and hands all to p, as far as it takes
// them.
func (p *peer) bulk(id, n int) catalog.Key {
	p.t.Helper()
	a := newPeer(p.t, id, fmt.Sprintf("m%d", id))
	var files []catalog.File
	for j := range n {
		files = append(files, catalogtest.File(fmt.Sprintf("of%d/f%d", id, j), 10_000*id+j))
	}
	h := a.share(files...)
	p.now = p.now.Add(time.Second)
	p.hearHead(h, id, catalog.Told{})
	for pending := p.Missing(h.Key); len(pending) > 0; {
		data, err := a.Object(pending[0])
		if err != nil {
			p.t.Fatal(err)
		}
		pending = append(pending[1:], p.PutObject(data, p.now).Missing...)
	}
	checkInvariants(p.t, p.State)
	return h.Key
}

// A full drive: who has most loses first, whether he is connected or not; who
// has less than his part never does.
func TestLargestAuthorLosesFirst(t *testing.T) {
	p := newPeer(t, 1, "me", func(c *Config) { c.Limits.Drive = 300 << 10 })
	var friends []catalog.Key
	for i := range 5 {
		friends = append(friends, p.bulk(10+i, 60))
	}
	connected := p.bulk(20, 100)
	p.Met(connected, p.now)
	for i := range 5 { // each brings more than all friends together
		k := catalogtest.Identity(30 + i).Key()
		p.Met(k, p.now)
		p.bulk(30+i, 1500)
	}
	if p.objects.held > p.objects.limits.Drive {
		t.Errorf("%d bytes are held, beyond the bound", p.objects.held)
	}
	shown := map[catalog.Key]bool{}
	for _, m := range p.View().Members() {
		shown[m.Key] = true
	}
	for i, k := range friends {
		if !shown[k] {
			t.Errorf("absent friend %d is gone", i)
		}
	}
	if !shown[connected] {
		t.Error("the connected member is gone")
	}
	// What was given up is not fetched again at once, and later it may be.
	lost := 0
	for i := range 5 {
		if k := catalogtest.Identity(30 + i).Key(); !shown[k] {
			lost++
			if p.Authors.Newer(k, p.Authors.authors[k].seq) {
				t.Errorf("the head of flooder %d would be fetched again", i)
			}
		}
	}
	if lost == 0 {
		t.Error("nobody lost anything")
	}
	p.now = p.now.Add(2 * sizePause)
	p.Sweep(p.now)
	for i := range 5 {
		k := catalogtest.Identity(30 + i).Key()
		if _, ok := p.Authors.Head(k); !ok && !p.Authors.Newer(k, p.Authors.authors[k].seq) {
			t.Errorf("the head of flooder %d is never taken again", i)
		}
	}
}

// An edit of a large catalogue shares nearly all with what is shown: it does not
// count twice.
func TestSharedObjectsCountOnce(t *testing.T) {
	p := newPeer(t, 1, "me", func(c *Config) { c.Limits.Drive = 600 << 10 })
	large := newPeer(t, 2, "large")
	files := catalogtest.Many(3000)
	large.share(files...)
	p.hear(large)
	other := p.bulk(3, 1200)
	t.Logf("%d bytes are held", p.objects.held)
	files[77] = catalogtest.File(files[77].Path, 1_000_000)
	large.share(files...)
	p.hear(large)
	if n := len(p.View().Members()); n != 2 {
		t.Errorf("%d members are shown, %d bytes are held", n, p.objects.held)
	}
	// Over the bound now: the larger of the two goes, not who edited last.
	p.bulk(4, 1100)
	if _, ok := p.View().Member(other); !ok {
		t.Error("the smaller one is gone")
	}
	if _, ok := p.View().Member(large.cfg.Self.Key()); ok {
		t.Errorf("the largest is still there: %d bytes held", p.objects.held)
	}
}
