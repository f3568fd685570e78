package state

import (
	"p2pfs/swarm/bencode"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/catalogtest"
	"p2pfs/swarm/catalog/store"
	"testing"
	"time"
)

const day = 24 * time.Hour

// far makes a head that expires at the end of all time.
// lastSecond is the last that a head may name: the end of year 9999.
const lastSecond = 253402300799

func far(s *catalog.Summary) { s.Expires = time.Unix(lastSecond, 0) }

// pass lets time pass, with a sweep every day.
func (p *peer) pass(d time.Duration) {
	for end := p.now.Add(d); p.now.Before(end); {
		p.now = p.now.Add(min(day, end.Sub(p.now)))
		p.Sweep(p.now)
	}
}

func (p *peer) shows(n int) bool {
	_, ok := p.View().Member(catalogtest.Identity(n).Key())
	return ok
}

// How long a head lives is not the author's to choose, nor that of those who
// pass it on.
func TestHeadsDieByAge(t *testing.T) {
	for name, c := range map[string]struct {
		head  func(*catalog.Summary)
		told  catalog.Told
		lives time.Duration
		then  func(p *peer, h catalog.Head) // each day
	}{
		"far expiry":             {far, catalog.Told{}, 30 * day, nil},
		"far expiry, ten days":   {far, catalog.Told{Age: 10 * day}, 20 * day, nil},
		"its own word":           {func(s *catalog.Summary) { s.Expires = s.Time.Add(5 * day) }, catalog.Told{}, 5 * day, nil},
		"told again as new":      {far, catalog.Told{}, 30 * day, func(p *peer, h catalog.Head) { p.hearHead(h, 5, catalog.Told{}) }},
		"corrected":              {far, catalog.Told{Age: 29 * day}, 30 * day, func(p *peer, h catalog.Head) { p.hearHead(h, 5, catalog.Told{}) }},
		"told again as old":      {far, catalog.Told{}, 30 * day, func(p *peer, h catalog.Head) { p.hearHead(h, 5, catalog.Told{Age: 29 * day}) }},
		"restarts":               {far, catalog.Told{Age: 10 * day}, 20 * day, func(p *peer, _ catalog.Head) { p.restart() }},
		"older than it can live": {far, catalog.Told{Age: 31 * day}, 0, nil},
		"from the future":        {far, catalog.Told{Age: -time.Hour}, 30 * day, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, 1, "me")
			h := p.headOf(2, 1, c.head)
			p.hearHead(h, 1, c.told)
			days := 0
			for ; p.shows(2) && days < 100; days++ {
				if c.then != nil {
					c.then(p, h)
				}
				p.pass(day)
			}
			if got := time.Duration(days) * day; got != c.lives {
				t.Errorf("shown for %v, want %v", got, c.lives)
			}
			// It lives no longer than 30 days after it came, whoever tells of it; until
			// he signs again.
			p.pass(max(30*day-c.lives, 0))
			if r := p.hearHead(h, 9, catalog.Told{}); r != Stale && c.lives > 0 {
				t.Errorf("the dead head again: got %v", r)
			}
			if r := p.hearHead(p.headOf(2, 2), 9, catalog.Told{}); r != Accepted {
				t.Errorf("a new head: got %v", r)
			}
		})
	}
}

// Who says of everybody that he is away for 29 days removes nobody whom we, or
// somebody honest, saw later.
func TestLiarOf29DaysRemovesNobody(t *testing.T) {
	p := newPeer(t, 1, "me")
	liar, honest := catalog.Told{Age: 29 * day}, catalog.Told{Age: day}
	met, heard, first := p.headOf(2, 1), p.headOf(3, 1), p.headOf(4, 1)
	p.Met(met.Key, p.now)
	p.hearHead(met, 1, catalog.Told{})
	p.Authors.Gone(met.Key, p.now)
	p.hearHead(heard, 1, honest)
	p.hearHead(first, 6, liar)
	p.hearHead(first, 1, honest)
	for range 10 {
		p.pass(day)
		for _, h := range []catalog.Head{met, heard, first} {
			p.hearHead(h, 6, liar)
		}
		// Also with heads that are newer.
		p.hearHead(p.headOf(2, met.Seq+1), 6, liar)
		p.restart()
	}
	for n := 2; n <= 4; n++ {
		if !p.shows(n) {
			t.Errorf("member %d is gone", n)
		}
	}
	if p.pass(30 * day); p.shows(2) || p.shows(3) || p.shows(4) {
		t.Error("somebody lives for ever")
	}
}

// What we know ourselves of a head goes before what others say.
func TestOwnKnowledgeOfAge(t *testing.T) {
	p := newPeer(t, 1, "me")
	h := p.headOf(2, 1, far)
	p.Met(h.Key, p.now)
	p.hearHead(h, 1, catalog.Told{})
	p.pass(100 * day)
	if !p.shows(2) {
		t.Fatal("a connected member is gone")
	}
	p.Authors.Gone(h.Key, p.now)
	p.pass(29 * day)
	if !p.shows(2) {
		t.Error("gone a day too early")
	}
	p.hearHead(h, 5, catalog.Told{})
	p.pass(2 * day)
	if p.shows(2) {
		t.Error("hearsay keeps him")
	}
	// While he is connected it is alive, whatever it says.
	past := p.headOf(3, 1, func(s *catalog.Summary) { s.Time, s.Expires = s.Time.Add(-70*day), s.Time.Add(-40*day) })
	p.Met(past.Key, p.now)
	if r := p.hearHead(past, 3, catalog.Told{}); r != Accepted || !p.shows(3) {
		t.Errorf("the head of a connected member whose clock is behind: got %v", r)
	}
	// A crash after days: they were connected all the time.
	p.pass(20 * day)
	p.restart()
	if age := p.Authors.Tell(past.Key).Age; age > 2*time.Hour {
		t.Errorf("age %v after a crash", age)
	}
}

// The wall clock between two runs may be anything.
func TestClockBetweenRuns(t *testing.T) {
	for _, jump := range []time.Duration{-1000 * day, -time.Hour, 0, 5 * day, 31 * day} {
		p := newPeer(t, 1, "me")
		h := p.headOf(2, 1, far)
		p.hearHead(h, 1, catalog.Told{Age: 10 * day})
		p.restart()
		p.now = p.now.Add(jump)
		p.Sweep(p.now)
		passed := min(max(jump, 0), maxAway) // more may be a clock that is wrong
		if got, want := p.Authors.Tell(h.Key).Age, 10*day+passed; got != want {
			t.Errorf("the clock jumps by %v: age %v, want %v", jump, got, want)
		}
		p.restart()
		p.pass(19*day - passed)
		if !p.shows(2) {
			t.Errorf("the clock jumps by %v: died early", jump)
		}
		if p.pass(2 * day); p.shows(2) {
			t.Errorf("the clock jumps by %v: lives on", jump)
		}
	}
}

// A store of a version that knew no ages: who was heard of lately lives on, and
// nothing in it is lost.
func TestStoreWithoutAges(t *testing.T) {
	p := newPeer(t, 1, "me")
	own := p.share(catalogtest.File("own", 1))
	for n, seen := range map[int]time.Time{2: p.now, 3: p.now.Add(20 * day)} {
		h := p.headOf(n, 7, far)
		data, err := bencode.Marshal(struct {
			Bad   int64  `bencode:"bad"`
			Met   int64  `bencode:"met"`
			Order int64  `bencode:"order"`
			Seen  int64  `bencode:"seen"`
			Seq   int64  `bencode:"seq"`
			Shown string `bencode:"shown"`
			Want  string `bencode:"want"`
		}{Met: 1, Order: int64(n), Seen: seen.Unix(), Seq: 7, Shown: string(h.Append(nil))})
		if err != nil {
			t.Fatal(err)
		}
		p.store.Put(func(b *store.Batch) { b.Heads[h.Key] = data })
	}
	p.store.Put(func(b *store.Batch) { b.Clock = []byte{} })
	p.restart()
	p.now = p.now.Add(20 * day)
	if p.Sweep(p.now); !p.shows(2) || !p.shows(3) {
		t.Fatalf("shown %v and %v", p.shows(2), p.shows(3))
	}
	if h, ok := p.Authors.Head(own.Key); !ok || h.Seq != own.Seq {
		t.Error("our own head is gone")
	}
	checkInvariants(t, p.State)
	p.restart()
	if p.pass(11 * day); p.shows(2) || !p.shows(3) {
		t.Errorf("after 11 days: shown %v and %v, want the one last heard of 11 days ago", p.shows(2), p.shows(3))
	}
	if r := p.hearHead(p.headOf(2, 6), 1, catalog.Told{}); r != Stale {
		t.Errorf("rollback: got %v", r)
	}
}

// The time in a head is its author's to choose; the one that is shown is not
// after its coming.
func TestMTimesAreSane(t *testing.T) {
	p := newPeer(t, 1, "me")
	p.hearHead(p.headOf(2, 1, func(s *catalog.Summary) { s.Time = time.Unix(lastSecond, 0); far(s) }), 1, catalog.Told{})
	for range 2 {
		e, err := p.View().Lookup("")
		if err != nil || e.MTime.After(p.now) {
			t.Errorf("the root is of %v, now is %v", e.MTime, p.now)
		}
		v, _ := p.View().Member(catalogtest.Identity(2).Key())
		if e, _ := v.Lookup(""); e.MTime.After(p.now) {
			t.Errorf("the member's root is of %v", e.MTime)
		}
		if m := p.View().Members()[0]; m.Time.After(p.now) {
			t.Errorf("the member's time is %v", m.Time)
		}
		p.restart()
	}
}
