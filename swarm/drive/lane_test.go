package drive

import (
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/netgroup"
)

var emptyRoot = catalog.HashObject([]byte("d1:elee"))

// crowded makes a member who has heard of many authors whom he never met, and
// has a friend. A second address group brought a few of them.
func crowded(t *testing.T, p *pipes, change ...func(*Config)) (relay, friend *pnode) {
	relay, friend = pipeMember(t, p, 1, change...), pipeMember(t, p, 3)
	friend.join(relay)
	friend.listen(false)
	for i, n := range []int{3000, 20} {
		var list []catalog.Head
		for j := range n {
			list = append(list, headBy(t, 1000*(1+5*i)+j, 1, emptyRoot))
		}
		s := relay.call(100 + i).meet()
		go drain(s)
		s.tell(list)
		time.Sleep(time.Second)
		s.hangUp()
	}
	friend.share(file("friends", 1))
	time.Sleep(2 * time.Second)
	if !relay.has("friends") {
		t.Error("the friend is not heard")
	}
	return relay, friend
}

// Who joins hears of connected members first, and then of all whom one address
// group brought after the other, by turns.
func TestHeadsOfConnectedMembersComeFirst(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		relay, friend := crowded(t, p)
		s := relay.call(4).meet()
		s.send(summary{})
		few, seen := 0, 0
		for first := true; few < 20; first = false {
			m := expect[heads](s)
			for i, h := range m.heads {
				if h.Key == friend.cfg.Identity.Key() && (!first || i > 0 || !m.told[i].Met || m.told[i].Age != 0) {
					t.Errorf("the friend's head is number %d, told is %+v", seen+i, m.told[i])
				}
				for j := range 20 {
					if h.Key == ident(6000+j).Key() {
						few++
						if m.told[i].Met {
							t.Error("vouched for one whom nobody has met")
						}
					}
				}
			}
			seen += len(m.heads)
		}
		if seen > 200 {
			t.Errorf("the few whom a second group brought are through after %d of others", seen)
		}
		go drain(s)
	})
}

// An answer does not wait until all heads are through.
func TestAnswersPassHeads(t *testing.T) {
	bubble(t, func(t *testing.T, p *pipes) {
		tiny := []byte("tiny")
		relay, _ := crowded(t, p, func(c *Config) {
			c.Object = func(x catalog.Hash) ([]byte, bool) { return tiny, true }
		})
		s := relay.call(4).meet()
		s.send(summary{})
		s.send(get{[]catalog.Hash{hash(1), hash(2), hash(3), hash(4)}})
		before, answers := 0, 0
		for answers < 4 {
			m, err := s.read()
			if err != nil {
				t.Fatal(err)
			}
			switch m.(type) {
			case heads:
				before++
			case object:
				answers++
			}
		}
		if before > 60 {
			t.Errorf("%d messages of heads, of 95, came before four answers", before)
		}
		go drain(s)
	})
}

// One catalogue's worth of objects that nobody has does not make the loop ask
// for ever: the more of it there is, the more rarely.
func TestAsksForWhatNobodyHasAreFew(t *testing.T) {
	f := newFetcher()
	now := time.Unix(1000, 0)
	for id := range 3 {
		f.join(id)
	}
	for i := range 20_000 {
		wantOne(f, 3*i, i, 0)
	}
	if n := len(f.wants); n != maxSource {
		t.Errorf("%d objects are wanted for one address group, want %d", n, maxSource)
	}
	wantOne(f, 1, 30_000, 1)
	asked, theirs := 0, 0
	for range 20 * 60 * 10 { // ten minutes of ticks
		now = now.Add(tickBusy)
		f.expire(now)
		for id, list := range asks(f.assign(now)) {
			asked += len(list)
			for _, h := range list {
				if h == hash(30_000) {
					theirs++
				}
				f.none(id, h)
			}
		}
	}
	f.check(t)
	if perMember := asked / 3 / 600; perMember > 400 {
		t.Errorf("each member is asked for %d objects a second", perMember)
	}
	if theirs < 3*50 {
		t.Errorf("another's object was asked for %d times in ten minutes", theirs)
	}
}

// The largest lane of all gets through, though only a part is wanted at once.
func TestLargeCatalogueIsFetchedInParts(t *testing.T) {
	f := newFetcher()
	now := time.Unix(1000, 0)
	f.join(0)
	lacks := map[catalog.Hash]bool{}
	for i := range 10_000 {
		lacks[hash(i)] = true
	}
	tell := func() {
		var list []catalog.Hash
		for h := range lacks {
			list = append(list, h)
		}
		f.wantFor(catalog.Key{7}, netgroup.Of(at(1).Addr()), list)
	}
	tell()
	for rounds := 0; len(lacks) > 0; rounds++ {
		if len(f.wants) > maxLane || rounds > 1000 {
			t.Fatalf("round %d: %d objects are wanted, %d are lacking", rounds, len(f.wants), len(lacks))
		}
		for id, list := range asks(f.assign(now)) {
			for _, h := range list {
				f.got(id, h)
				delete(lacks, h)
			}
		}
		for range f.feed() {
			tell()
		}
		f.check(t)
	}
	if len(f.byAuthor)+len(f.byGroup)+len(f.wants) != 0 {
		t.Errorf("left: %d authors, %d groups, %d wants", len(f.byAuthor), len(f.byGroup), len(f.wants))
	}
}
