package lsd

import (
	"fmt"
	"math/rand"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var began = time.Unix(1_000_000, 0)

func ignore(netip.AddrPort) {}

// sent is one datagram of a plan.
type sent struct {
	at     time.Duration // since began
	hashes [][20]byte
}

// plan runs a schedule until a time and lists what it sends.
func plan(s *schedule, from, until time.Duration) (out []sent) {
	for now := began.Add(from); ; {
		if hashes := s.batch(now); hashes != nil {
			out = append(out, sent{now.Sub(began), hashes})
			continue
		}
		next, ok := s.next()
		if !ok || next.Sub(began) > until {
			return out
		}
		if !next.After(now) {
			panic(fmt.Sprintf("stands still at %v", now.Sub(began)))
		}
		now = next
	}
}

func TestOneInfoHash(t *testing.T) {
	s := newSchedule()
	id := s.join(hash(1), ignore, began)
	got := plan(&s, 0, 11*time.Minute)
	for i, want := range []time.Duration{settle, settle + interval, settle + 2*interval} {
		if i >= len(got) || got[i].at != want || len(got[i].hashes) != 1 {
			t.Fatalf("got %v, want the announce %d at %v", got, i, want)
		}
	}
	if len(got) != 3 {
		t.Errorf("got %v, want three", got)
	}
	s.leave(hash(1), id)
	if got := plan(&s, 12*time.Minute, time.Hour); got != nil {
		t.Errorf("after leaving: %v", got)
	}
	if len(s.entries) != 0 {
		t.Error("it is not forgotten")
	}
}

// TestFloor has one and the same infohash never announced twice in a minute,
// however it is hurried, left and joined again.
func TestFloor(t *testing.T) {
	s := newSchedule()
	rng := rand.New(rand.NewSource(1))
	var all []sent
	id := s.join(hash(1), ignore, began)
	for i := range 600 {
		from := time.Duration(i) * time.Second
		switch rng.Intn(3) {
		case 0:
			s.hurry(hash(1))
		case 1:
			s.again(true)
		case 2:
			s.leave(hash(1), id)
			s.batch(began.Add(from)) // may forget
			id = s.join(hash(1), ignore, began.Add(from))
		}
		all = append(all, plan(&s, from, from+time.Second-1)...)
	}
	if len(all) != 10 {
		t.Errorf("announced %d times in ten minutes, want 10", len(all))
	}
	for i := 1; i < len(all); i++ {
		if d := all[i].at - all[i-1].at; d < floor {
			t.Errorf("twice within %v", d)
		}
	}
}

func TestManyGoTogether(t *testing.T) {
	s := newSchedule()
	for i := range byte(25) {
		s.join(hash(i), ignore, began.Add(time.Duration(i)*time.Millisecond))
	}
	got := plan(&s, 0, 3*time.Minute)
	if len(got) != 1 || len(got[0].hashes) != maxInfoHashes {
		t.Errorf("got %v, want all in one", got)
	}
}

// TestPaced announces far more infohashes than BEP 14 has room for: a few
// datagrams at once, then one a minute, and each has its turn.
func TestPaced(t *testing.T) {
	s := newSchedule()
	const n = 1000
	for i := range n {
		s.join([20]byte{byte(i), byte(i >> 8)}, ignore, began)
	}
	got := plan(&s, 0, 2*time.Hour)
	count := map[[20]byte]int{}
	for i, p := range got {
		if len(p.hashes) > maxInfoHashes {
			t.Fatalf("%d in one", len(p.hashes))
		}
		if i >= burst && p.at-got[i-burst].at < gap {
			t.Fatalf("%d datagrams within %v", burst+1, p.at-got[i-burst].at)
		}
		for _, h := range p.hashes {
			count[h]++
		}
	}
	if max := burst + int(2*time.Hour/gap); len(got) > max {
		t.Errorf("%d datagrams in two hours, want %d at most", len(got), max)
	}
	if len(count) != n {
		t.Errorf("only %d of %d were announced", len(count), n)
	}
	for h, k := range count {
		if k < 2 || k > 4 {
			t.Errorf("%x had %d turns", h, k)
		}
	}
	// One that is new does not wait for its turn.
	s.join(hash(9), ignore, began.Add(2*time.Hour))
	if got := plan(&s, 2*time.Hour, 2*time.Hour+gap); len(got) == 0 || got[0].hashes[0] != hash(9) {
		t.Errorf("a new one has to wait behind the others: %v", got)
	}
}

// TestAgain repeats what was announced for somebody new, and hurries what does
// not fit.
func TestAgain(t *testing.T) {
	s := newSchedule()
	for i := range byte(30) {
		s.join(hash(i), ignore, began)
	}
	if got := s.again(true); got != nil {
		t.Errorf("nothing was announced, and %d are repeated", len(got))
	}
	plan(&s, 0, time.Minute)
	s.hurry(hash(7))
	got := s.again(true)
	if len(got) != maxInfoHashes || got[0] != hash(7) {
		t.Errorf("%d are repeated, %x first, want %d, the hurried one first", len(got), got[0][0], maxInfoHashes)
	}
	if !s.entries[hash(7)].hurried {
		t.Error("repeating it for one has cut off the hurry for all")
	}
	for h, e := range s.entries {
		if e.hurried && h != hash(7) && slices.Contains(got, h) {
			t.Errorf("%x is hurried", h)
		}
	}
	rest := plan(&s, time.Minute, 2*time.Minute)
	if len(rest) != 1 || len(rest[0].hashes) < 5 {
		t.Errorf("got %v, want the other five", rest)
	}
}

func TestTwoJoinOneInfoHash(t *testing.T) {
	s := newSchedule()
	a, b := 0, 0
	ida := s.join(hash(1), func(netip.AddrPort) { a++ }, began)
	idb := s.join(hash(1), func(netip.AddrPort) { b++ }, began)
	tell := func() {
		for _, f := range s.wants(hash(1)) {
			f(netip.AddrPort{})
		}
	}
	tell()
	s.leave(hash(1), ida)
	tell()
	if got := plan(&s, 0, time.Minute); len(got) != 1 {
		t.Errorf("got %v, want one announce", got)
	}
	s.leave(hash(1), idb)
	s.leave(hash(2), 7) // never there
	tell()
	if a != 1 || b != 2 {
		t.Errorf("told %d and %d times, want 1 and 2", a, b)
	}
}

func TestGate(t *testing.T) {
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }
	g := newGate()
	pass := 0
	for range 1000 {
		if g.admits(at(1), began) {
			pass++
		}
	}
	if pass != sourceBurst {
		t.Errorf("%d from one address at once, want %d", pass, sourceBurst)
	}
	if !g.admits(at(2), began) {
		t.Error("one that floods shuts out another")
	}
	if g.admits(at(1), began.Add(sourceEvery-time.Microsecond)) || !g.admits(at(1), began.Add(sourceEvery)) {
		t.Errorf("not one more each %v", sourceEvery)
	}
	pass = 0
	for i := range 100_000 {
		if g.admits(at(3+i%5000), began.Add(sourceEvery)) {
			pass++
		}
	}
	if pass > totalBurst || len(g.sources) > maxSources {
		t.Errorf("%d from many at once, %d addresses kept", pass, len(g.sources))
	}
	if !g.admits(netip.IPv6LinkLocalAllNodes(), began.Add(time.Hour)) || len(g.sources) != 1 {
		t.Errorf("an hour later: %d addresses kept", len(g.sources))
	}
}
