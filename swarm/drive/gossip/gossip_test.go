package gossip

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
)

// authors are what a member knows, in a test: a head and what is told of each.
type authors map[catalog.Key]author

type author struct {
	seq   int64
	told  catalog.Told
	group netip.Prefix
}

func (a authors) Head(k catalog.Key) (catalog.Head, bool) {
	x, ok := a[k]
	return catalog.Head{Key: k, Seq: x.seq}, ok
}

func (a authors) Newer(k catalog.Key, seq int64) bool { return seq > a[k].seq }
func (a authors) Len() int                            { return len(a) }
func (a authors) Tell(k catalog.Key) catalog.Told     { return a[k].told }
func (a authors) Group(k catalog.Key) netip.Prefix    { return a[k].group }

func (a authors) Versions() (list []catalog.Version) {
	for _, k := range slices.SortedFunc(maps.Keys(a), func(x, y catalog.Key) int { return slices.Compare(x[:], y[:]) }) {
		list = append(list, catalog.Version{Key: k, Seq: a[k].seq, Age: a[k].told.Age})
	}
	return list
}

// Hearsay believes whoever says that an author is away for less long.
func (a authors) Hearsay(k catalog.Key, seq int64, told catalog.Told) bool {
	x, ok := a[k]
	if !ok || seq != x.seq || told.Age >= x.told.Age {
		return false
	}
	x.told.Age = told.Age
	a[k] = x
	return true
}

// apply takes in a head that is to be.
func (a authors) apply(p Paced) {
	a[p.Head.Key] = author{p.Head.Seq, p.Told, p.Told.From}
}

func key(n int) catalog.Key { return catalog.Key{byte(n), byte(n >> 8), 1} }

// seqs are the heads that a member is sent now.
func seqs(g *Gossip, id int, now time.Time) map[catalog.Key]int64 {
	all := map[catalog.Key]int64{}
	for g.Owes(id, now) {
		for _, h := range g.Next(id, now).Heads {
			all[h.Key] = h.Seq
		}
	}
	return all
}

func start(a authors) (*Gossip, time.Time) { return New(a, a, key(0)), time.Unix(1_000_000, 0) }

// Who joins is told which heads there are, and sent those that he lacks once he
// has told which he has; nobody is sent one twice, nor one that he sent himself.
func TestHeadsGoToWhoLacksThem(t *testing.T) {
	a := authors{key(1): {seq: 3}, key(2): {seq: 5}}
	g, now := start(a)
	if first := g.Join(7, key(7), group(7)); len(first) != 1 || len(first[0].Versions) != 2 || first[0].More {
		t.Errorf("told first: %+v", first)
	}
	if got := seqs(g, 7, now); len(got) != 0 {
		t.Errorf("sent before his summary: %v", got)
	}
	g.Summary(7, message.Summary{Versions: []catalog.Version{{Key: key(1), Seq: 3}}}, now)
	if got := seqs(g, 7, now); !maps.Equal(got, map[catalog.Key]int64{key(2): 5}) {
		t.Errorf("sent %v, want the one that he lacks", got)
	}
	g.Join(8, key(8), group(8))
	g.Summary(8, message.Summary{Versions: a.Versions()}, now)
	p, ok := g.Heard(8, catalog.Head{Key: key(1), Seq: 4}, catalog.Told{}, now)
	if !ok || p.From != 8 || p.Told.From != group(8) {
		t.Fatalf("a newer head: %+v, %v", p, ok)
	}
	a.apply(p)
	g.Spread(key(1), now)
	if got := seqs(g, 8, now); len(got) != 0 {
		t.Errorf("sent back: %v", got)
	}
	if got := seqs(g, 7, now); !maps.Equal(got, map[catalog.Key]int64{key(1): 4}) {
		t.Errorf("passed on: %v", got)
	}
	if _, ok := g.Heard(7, catalog.Head{Key: key(1), Seq: 4}, catalog.Told{}, now); ok {
		t.Error("a head that is known is taken again")
	}
	g.Leave(7)
	g.Spread(key(2), now)
	if got := seqs(g, 7, now); len(got) != 0 {
		t.Errorf("sent to one who left: %v", got)
	}
}

// A summary of many comes in several messages, and counts when the last is there.
func TestSummaryOfMany(t *testing.T) {
	a := authors{}
	for i := range message.MaxVersions + 1 {
		a[key(i+1)] = author{seq: 1}
	}
	g, now := start(a)
	first := g.Join(7, key(7), group(7))
	if len(first) != 2 || !first[0].More || first[1].More || len(first[1].Versions) != 1 {
		t.Fatalf("%d messages", len(first))
	}
	g.Summary(7, first[0], now)
	if g.Owes(7, now) {
		t.Error("owed before the summary is complete")
	}
	g.Summary(7, message.Summary{}, now)
	if got := seqs(g, 7, now); len(got) != 1 {
		t.Errorf("sent %d heads, want the one that he did not tell of", len(got))
	}
}

// Of whom is here and whom was met come first; the rest by the groups that brought
// them, in turns.
func TestOrderOfHeads(t *testing.T) {
	a := authors{key(900): {seq: 1, told: catalog.Told{Met: true}, group: group(1)}, key(901): {seq: 1, group: group(1)}}
	for i := range 500 {
		a[key(i+1)] = author{seq: 1, group: group(1)}
	}
	a[key(902)] = author{seq: 1, group: group(2)}
	g, now := start(a)
	g.Join(1, key(901), group(1))
	g.Join(7, key(999), group(7))
	g.Summary(7, message.Summary{}, now)
	var order []catalog.Key
	for g.Owes(7, now) {
		for _, h := range g.Next(7, now).Heads {
			order = append(order, h.Key)
		}
	}
	if len(order) != len(a) || order[0] != key(901) || order[1] != key(900) || !slices.Contains(order[2:4], key(902)) {
		t.Errorf("%d heads, %v first", len(order), order[:4])
	}
}

// Who has an author's age wrong by much is told better, once; a little is not worth
// a word.
func TestAgesAreCorrected(t *testing.T) {
	const day = 24 * time.Hour
	a := authors{key(1): {seq: 1, told: catalog.Told{Age: day}}}
	g, now := start(a)
	for id, age := range map[int]time.Duration{7: 29 * day, 8: day + time.Minute} {
		g.Join(id, key(id), group(id))
		g.Summary(id, message.Summary{Versions: []catalog.Version{{Key: key(1), Seq: 1, Age: age}}}, now)
	}
	if n, m := len(seqs(g, 7, now)), len(seqs(g, 8, now)); n != 1 || m != 0 {
		t.Errorf("sent %d and %d heads, want 1 and 0", n, m)
	}
	g.Heard(7, catalog.Head{Key: key(1), Seq: 1}, catalog.Told{Age: time.Hour}, now)
	if n := len(seqs(g, 8, now)); n != 1 {
		t.Errorf("what is news is passed on %d times", n)
	}
}

// What is sent is no more than is read, and what a member has of authors who are
// not known any more is forgotten.
func TestBounds(t *testing.T) {
	a := authors{}
	for i := range owedBurst + 500 {
		a[key(i+1)] = author{seq: 1}
	}
	g, now := start(a)
	g.Join(7, key(7), group(7))
	g.Summary(7, message.Summary{}, now)
	if n := len(seqs(g, 7, now)); n != owedBurst {
		t.Errorf("%d heads at once, want %d", n, owedBurst)
	}
	if n := len(seqs(g, 7, now.Add(time.Second))); n != owedPerS {
		t.Errorf("%d heads in the second after, want %d", n, owedPerS)
	}
	clear(a)
	for i := range spareKnows + 500 {
		g.Heard(7, catalog.Head{Key: catalog.Key{byte(i), byte(i >> 8), 2}, Seq: 1}, catalog.Told{}, now)
	}
	if n := len(g.members[7].knows); n > spareKnows+1 {
		t.Errorf("%d authors are remembered of whom nobody knows", n)
	}
}
