package objects

import (
	"fmt"
	"math/rand"
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
)

func hash(n int) catalog.Hash { return catalog.Hash{byte(n), byte(n >> 8), 1} }

// group is the nth address group.
func group(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{8, 0, byte(n), 0}), 24)
}

// wantOne makes the nth author, who came in the nth group modulo 3, need an object.
func wantOne(f *questions, author, object int, hints ...int) {
	f.wantFor(catalog.Key{byte(author), byte(author >> 8)}, group(author%3), []catalog.Hash{hash(object)}, hints...)
}

// asks flattens questions: what each member is asked for.
func asks(list []Question) map[int][]catalog.Hash {
	m := map[int][]catalog.Hash{}
	for _, q := range list {
		m[q.Member] = append(m[q.Member], q.Hashes...)
	}
	return m
}

// check tells whether every want is where it should be.
func (f *questions) check(t testing.TB) {
	t.Helper()
	asked := map[catalog.Hash]int{}
	for id, m := range f.members {
		if len(m.open) > MaxAsked {
			t.Errorf("member %d is asked for %d objects", id, len(m.open))
		}
		for h, until := range m.open {
			if !until.IsZero() {
				asked[h]++
			}
		}
	}
	place := map[*want]int{}
	for _, w := range f.urgent {
		if w.queued && w.urgent && !w.over {
			place[w]++
		}
	}
	wants, parked := 0, 0
	for _, l := range f.lanes.byAuthor {
		wants += l.wants
		here := map[*want]bool{}
		for _, w := range l.queue {
			if w != nil && w.queued && !w.urgent && !w.over && l.ringed && l.source.ringed && !here[w] {
				place[w] = max(place[w], 1) // may be in several lanes
			}
		}
	}
	for _, w := range f.parked {
		if !w.queued && w.asked == 0 && !w.over {
			place[w]++
		}
	}
	for _, s := range f.lanes.byGroup {
		wants -= s.wants
		parked += s.parked
	}
	for _, w := range f.wants {
		if w.parked {
			parked -= len(w.lanes)
		}
	}
	if wants != 0 || parked != 0 {
		t.Errorf("authors and address groups differ by %d wants, %d parked", wants, parked)
	}
	for h, w := range f.wants {
		if w.asked != asked[h] {
			t.Errorf("%v counts %d questions, %d are open", h, w.asked, asked[h])
		}
		if place[w] == 0 && w.asked == 0 {
			t.Errorf("%v is neither queued nor parked nor asked for", h)
		}
		if place[w] > 1 {
			t.Errorf("%v stands in %d places", h, place[w])
		}
	}
}

func TestFetchAsksHintsFirstAndOthersThen(t *testing.T) {
	f := newQuestions()
	now := time.Unix(1000, 0)
	for id := range 3 {
		f.join(id)
	}
	wantOne(f, 1, 1, 2)
	got := asks(f.assign(now))
	if len(got) != 1 || len(got[2]) != 1 {
		t.Fatalf("got %v, want member 2", got)
	}
	if again := f.assign(now); len(again) != 0 {
		t.Errorf("asked again at once: %v", again)
	}
	if !f.none(2, hash(1)) || f.none(2, hash(1)) || f.none(0, hash(1)) {
		t.Error("none: what was asked is not told from what was not")
	}
	got = asks(f.assign(now))
	if len(got) != 1 || len(got[2]) != 0 {
		t.Fatalf("after none: got %v", got)
	}
	// Late: the third is asked; the second's answer still counts.
	f.expire(now.Add(patience))
	got = asks(f.assign(now.Add(patience)))
	if len(got[1]) != 1 {
		t.Fatalf("after patience: got %v", got)
	}
	if _, ok := f.got(0, hash(1)); !ok || len(f.wants) != 0 {
		t.Error("a late answer does not count")
	}
	_, first := f.got(1, hash(1))
	if _, again := f.got(1, hash(1)); !first || again {
		t.Error("a second answer is not told from one nobody asked for")
	}
	f.check(t)
}

func TestFetchInRounds(t *testing.T) {
	f := newQuestions()
	now := time.Unix(1000, 0)
	wantOne(f, 1, 1)
	if got := f.assign(now); len(got) != 0 {
		t.Fatalf("asked nobody: %v", got)
	}
	f.join(1)
	var waits []time.Duration
	last := now
	for len(waits) < 12 {
		f.expire(now)
		for range f.assign(now) {
			waits = append(waits, now.Sub(last))
			last = now
			f.none(1, hash(1))
		}
		f.check(t)
		now = now.Add(10 * time.Millisecond)
	}
	const step = 10 * time.Millisecond
	if waits[1] > firstRetry+step || waits[2] < 2*firstRetry || waits[11] < lastRetry || waits[11] > lastRetry+step {
		t.Errorf("waits %v", waits)
	}
	f.join(2)
	if got := asks(f.assign(now)); len(got[2])+len(got[1]) != 1 {
		t.Errorf("a new member is not asked at once: %v", got)
	}
}

func TestFetchBoundsAndUrgency(t *testing.T) {
	f := newQuestions()
	now := time.Unix(1000, 0)
	f.join(1)
	for i := range 500 {
		wantOne(f, 1, i)
	}
	got := f.assign(now)
	if n := len(asks(got)[1]); n != maxUnwaited {
		t.Errorf("asked for %d objects, want %d", n, maxUnwaited)
	}
	for _, q := range got {
		if len(q.Hashes) > message.MaxHashes {
			t.Errorf("%d hashes in one message", len(q.Hashes))
		}
	}
	f.want(hash(499)) // was queued behind all others
	f.want(hash(600))
	if got := asks(f.assign(now))[1]; len(got) != 2 {
		t.Errorf("urgent ones wait: %v", got)
	}
	f.check(t)
	f.join(2)
	if n := len(asks(f.assign(now))[2]); n != maxUnwaited {
		t.Errorf("the second member is asked for %d objects", n)
	}
	f.leave(1)
	f.check(t)
	for i := range 500 {
		f.drop(hash(i))
	}
	f.drop(hash(600))
	f.leave(2)
	f.join(3)
	if got := f.assign(now); len(got) != 0 || len(f.wants) != 0 {
		t.Errorf("after all was dropped: %v", got)
	}
}

// Members who have some objects and answer, lie or come and go: what is there
// is got, and the fetcher never loses track.
func TestFetchRandomly(t *testing.T) {
	for seed := range 4 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { fetchRandomly(t, rand.New(rand.NewSource(int64(seed)))) })
	}
}

func fetchRandomly(t *testing.T, rng *rand.Rand) {
	f := newQuestions()
	now := time.Unix(1000, 0)
	open := map[int][]catalog.Hash{}
	const objects = 300
	has := func(id int, h catalog.Hash) bool { return (int(h[0])+id)%3 == 0 || id == 0 }
	join := func(id int) {
		if f.members[id] == nil {
			f.join(id)
			open[id] = nil
		}
	}
	join(0) // has all, answers all, and stays
	for i := range objects {
		if rng.Intn(4) == 0 {
			f.want(hash(i), rng.Intn(5))
		} else {
			wantOne(f, rng.Intn(9), i, rng.Intn(5))
		}
	}
	for step := 0; len(f.wants) > 0; step++ {
		if step > 100_000 {
			t.Fatalf("%d objects are not got", len(f.wants))
		}
		switch id := 1 + rng.Intn(5); rng.Intn(12) {
		case 0:
			join(id)
		case 1:
			if f.members[id] != nil && rng.Intn(4) == 0 {
				f.leave(id)
				delete(open, id)
			}
		case 2:
			now = now.Add(time.Duration(rng.Intn(3000)) * time.Millisecond)
			f.expire(now)
		case 3:
			if h := hash(rng.Intn(objects)); f.wants[h] != nil {
				if rng.Intn(2) == 0 {
					f.want(h)
				} else {
					f.wantFor(catalog.Key{byte(rng.Intn(9))}, netip.Prefix{}, []catalog.Hash{h})
				}
			}
		default:
			id = rng.Intn(6)
			if len(open[id]) == 0 || id == 4 { // 4 never answers
				break
			}
			i := rng.Intn(len(open[id]))
			h := open[id][i]
			open[id] = append(open[id][:i:i], open[id][i+1:]...)
			if has(id, h) {
				if _, ok := f.got(id, h); !ok {
					t.Fatalf("member %d was asked for %v, and now was not", id, h)
				}
			} else if !f.none(id, h) {
				t.Fatalf("member %d was asked for %v, and now was not", id, h)
			}
		}
		for id, list := range asks(f.assign(now)) {
			open[id] = append(open[id], list...)
		}
		f.check(t)
		if t.Failed() {
			t.FailNow()
		}
	}
}

// One catalogue's worth of objects that nobody has does not make the loop ask
// for ever: the more of it there is, the more rarely.
func TestAsksForWhatNobodyHasAreFew(t *testing.T) {
	f := newQuestions()
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
		now = now.Add(50 * time.Millisecond)
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
	f := newQuestions()
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
		f.wantFor(catalog.Key{7}, group(1), list)
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
		for range f.lanes.feed() {
			tell()
		}
		f.check(t)
	}
	if len(f.lanes.byAuthor)+len(f.lanes.byGroup)+len(f.wants) != 0 {
		t.Errorf("left: %d authors, %d groups, %d wants", len(f.lanes.byAuthor), len(f.lanes.byGroup), len(f.wants))
	}
}
