package picker

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bits-and-blooms/bitset"

	"p2pfs/swarm/hashing"
)

var now = time.Unix(1000, 0)

// drawn makes a picker of pieces of two blocks from pictures: have has '*' for
// pieces held; each peer a '*' for pieces it has.
func drawn(have string, peers ...string) (*Picker, []*Peer) {
	p := New(len(have), func(int) int { return 2 }, rand.New(rand.NewSource(1)))
	for i, c := range have {
		p.Pieces.Select(i, true)
		if c == '*' {
			p.Pieces.SetHave(i, true)
		}
	}
	var out []*Peer
	for id, picture := range peers {
		out = append(out, &Peer{ID: id + 1, Has: setOf(picture), Rate: 1e6, RTT: time.Millisecond})
		p.Join(out[id])
	}
	return p, out
}

func setOf(picture string) *bitset.BitSet {
	b := bitset.New(uint(len(picture)))
	for i, c := range picture {
		b.SetTo(uint(i), c == '*')
	}
	return b
}

// said writes blocks as piece.block.
func said(blocks []Block) string {
	var out []string
	for _, b := range blocks {
		out = append(out, fmt.Sprintf("%d.%d", b.Piece, b.N))
	}
	return strings.Join(out, " ")
}

func TestRarestFirst(t *testing.T) {
	for _, c := range []struct {
		have  string
		peers []string
		n     int
		want  string
	}{
		{"    ", []string{"****", "** *", "**  "}, 2, "2.0 2.1"},
		{"  * ", []string{"****", "** *", "**  "}, 2, "3.0 3.1"},
		{"****", []string{"****"}, 2, ""},
		{"    ", []string{"    "}, 2, ""},
		{"    ", []string{"*   ", " ***"}, 8, "0.0 0.1"},
	} {
		p, peers := drawn(c.have, c.peers...)
		if got := said(p.Pick(now, peers[0], c.n, nil)); got != c.want {
			t.Errorf("have %q, peers %q: got %q, want %q", c.have, c.peers, got, c.want)
		}
		p.check(t)
	}
}

func TestSuggestedAmongEquallyRare(t *testing.T) {
	for _, c := range []struct {
		have      string
		peers     []string
		suggested []int
		want      string
	}{
		{"        ", []string{"********"}, []int{5}, "5.0 5.1"},
		{"        ", []string{"********"}, []int{6, 2}, "6.0 6.1"},
		{"      * ", []string{"********"}, []int{6, 2}, "2.0 2.1"},
		{"    ", []string{"****", "** *"}, []int{1}, "2.0 2.1"}, // common: not before what is rare
		{"    ", []string{" ***", "*   "}, []int{0, 3}, "3.0 3.1"},
	} {
		p, peers := drawn(c.have, c.peers...)
		for _, piece := range c.suggested {
			p.Suggest(1, piece)
		}
		if got := said(p.Pick(now, peers[0], 2, nil)); got != c.want {
			t.Errorf("have %q, peers %q, suggested %d: got %q, want %q", c.have, c.peers, c.suggested, got, c.want)
		}
		p.check(t)
	}
}

func TestUrgentFirst(t *testing.T) {
	p, peers := drawn("    ", "****", "*** ")
	p.SetUrgent([]Urgent{{Piece: 2, End: 2, Deadline: now}, {Piece: 1, First: 1, End: 2, Deadline: now.Add(time.Second)}})
	if got, want := said(p.Pick(now, peers[0], 4, nil)), "2.0 2.1 1.1 1.0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.check(t)
}

func TestSlowPeerTakesLaterBlocks(t *testing.T) {
	p, peers := drawn("        ", "********", "********")
	fast, slow := peers[0], peers[1]
	fast.Rate, slow.Rate = 1<<20, 64<<10 // a block takes the slow one 250 ms
	var list []Urgent
	for i := range 8 {
		list = append(list, Urgent{Piece: i, End: 2, Deadline: now.Add(time.Duration(i) * time.Second)})
		p.Pieces.Select(i, false)
	}
	p.SetUrgent(list)
	got := p.Pick(now, slow, 1, nil)
	if len(got) != 1 || got[0].Piece < 4 {
		t.Errorf("slow peer got %v, want a block that is wanted later than it needs", got)
	}
	if got, want := said(p.Pick(now, fast, 2, nil)), "0.0 0.1"; got != want {
		t.Errorf("fast peer got %q, want %q", got, want)
	}
}

func TestLoneSlowPeerIsAsked(t *testing.T) {
	p, peers := drawn("  ", "**", "* ")
	peers[0].Rate, peers[1].Rate = 1<<10, 1<<20
	p.SetUrgent([]Urgent{{Piece: 1, End: 2, Deadline: now}})
	if got, want := said(p.Pick(now, peers[0], 2, nil)), "1.0 1.1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLateBlockIsAskedTwice(t *testing.T) {
	p, peers := drawn("  ", "**", "**")
	p.Pieces.Select(1, false)
	p.SetUrgent([]Urgent{{Piece: 0, End: 2, Deadline: now}})
	p.Pick(now, peers[0], 2, nil)
	soon, late := now.Add(time.Millisecond), now.Add(time.Second)
	p.Pieces.Select(0, false) // no endgame
	if got := said(p.Pick(soon, peers[1], 2, nil)); got != "" {
		t.Errorf("not late yet, got %q", got)
	}
	if got, want := said(p.Pick(late, peers[1], 2, nil)), "0.0 0.1"; got != want {
		t.Errorf("late, got %q, want %q", got, want)
	}
	wanted, others := p.Pieces.Received(Block{0, 0}, 2)
	if !wanted || !slices.Equal(others, []int{1}) {
		t.Errorf("got wanted %v, others %v; want true, [1]", wanted, others)
	}
	if wanted, _ := p.Pieces.Received(Block{0, 0}, 1); wanted {
		t.Error("the loser's block is wanted")
	}
}

func TestIncoming(t *testing.T) {
	p, peers := drawn("  ", "**")
	is := func(when string, want bool) {
		t.Helper()
		if p.Pieces.Incoming() != want {
			t.Errorf("%s: Incoming is %v", when, !want)
		}
	}
	is("nothing asked for", false)
	blocks := p.Pick(now, peers[0], 3, nil)
	is("blocks of both pieces are asked for", true)
	for _, b := range blocks[:2] {
		p.Pieces.Received(b, 1)
	}
	is("one piece is complete", true)
	p.Pieces.Dropped(blocks[2], 1)
	is("the other is not asked for any more", false)
	p.check(t)
}

func TestEndgame(t *testing.T) {
	p, peers := drawn(" ", "*", "*")
	peers[0].RTT, peers[1].RTT = time.Second, time.Second
	p.Pick(now, peers[0], 2, nil)
	if got := said(p.Pick(now, peers[1], 2, nil)); got != "" {
		t.Errorf("as quick a peer got %q, want nothing", got)
	}
	peers[0].Rate, peers[0].Queued = 1<<10, 2*hashing.BlockSize
	peers[1].Held = true
	if got := said(p.Pick(now, peers[1], 2, nil)); got != "" {
		t.Errorf("a peer that is held back got %q, want nothing", got)
	}
	peers[1].Held = false
	if got, want := said(p.Pick(now, peers[1], 2, nil)), "0.0 0.1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.check(t)
}

func TestFailedPieceComesFromOnePeer(t *testing.T) {
	p, peers := drawn(" ", "*", "*")
	p.Pick(now, peers[0], 1, nil)
	p.Pick(now, peers[1], 1, nil)
	p.Pieces.Received(Block{0, 0}, 1)
	p.Pieces.Received(Block{0, 1}, 2)
	if !p.Pieces.Complete(0) {
		t.Fatal("not complete")
	}
	p.Pieces.Failed(0)
	if got, want := said(p.Pick(now, peers[1], 1, nil)), "0.0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := said(p.Pick(now, peers[0], 2, nil)); got != "" {
		t.Errorf("a second peer got %q", got)
	}
	p.Leave(2)
	if got, want := said(p.Pick(now, peers[0], 2, nil)), "0.0 0.1"; got != want {
		t.Errorf("after it left, got %q, want %q", got, want)
	}
	p.check(t)
}

func TestChokedPeerGivesAllowedFastOnly(t *testing.T) {
	p, peers := drawn("  ", "**")
	peers[0].Choked, peers[0].Fast = true, map[int]bool{1: true}
	if got, want := said(p.Pick(now, peers[0], 4, nil)), "1.0 1.1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// check tells what does not agree with what the package comment says.
func (p *Picker) check(t *testing.T) {
	t.Helper()
	if len(p.joined) != len(p.peers) {
		t.Fatalf("%d peers in the list, %d in the map", len(p.joined), len(p.peers))
	}
	free := 0
	for piece := range p.Pieces.order.where {
		resting := p.Pieces.selected.Test(uint(piece)) && !p.Pieces.have.Test(uint(piece)) && p.Pieces.active[piece] == nil
		if in := p.Pieces.order.where[piece] >= 0; in != resting || p.Pieces.order.rests.Test(uint(piece)) != resting {
			t.Errorf("piece %d: in the order %v, want %v", piece, in, resting)
		}
		if a := p.Pieces.active[piece]; a != nil {
			here, asked := 0, 0
			for _, s := range a.state {
				if s.here {
					here++
				} else if s.asked() {
					asked++
				}
			}
			if a.here != here || a.free != len(a.state)-here-asked {
				t.Errorf("piece %d: here %d free %d, want %d %d", piece, a.here, a.free, here, len(a.state)-here-asked)
			}
			if p.Pieces.selected.Test(uint(piece)) {
				free += a.free
			}
		}
		n := 0
		for _, peer := range p.peers {
			if !peer.All && peer.Has != nil && peer.Has.Test(uint(piece)) {
				n++
			}
		}
		if p.Pieces.order.avail(piece) != n {
			t.Errorf("piece %d: availability %d, want %d", piece, p.Pieces.order.avail(piece), n)
		}
	}
	if want := int(p.Pieces.selected.DifferenceCardinality(p.Pieces.have)); p.Pieces.missing != want {
		t.Errorf("missing %d, want %d", p.Pieces.missing, want)
	}
	if p.Pieces.free != free {
		t.Errorf("free %d, want %d", p.Pieces.free, free)
	}
	for a := range len(p.Pieces.order.bound) - 1 {
		for _, piece := range p.Pieces.order.list[p.Pieces.order.bound[a]:p.Pieces.order.bound[a+1]] {
			if int(p.Pieces.order.count[piece]) != a {
				t.Errorf("piece %d with availability %d stands among %d", piece, p.Pieces.order.count[piece], a)
			}
		}
	}
	if len(p.Pieces.started) != len(p.Pieces.active) {
		t.Errorf("%d started, %d active", len(p.Pieces.started), len(p.Pieces.active))
	}
}

// TestRandomSteps does whatever may happen, in random order.
func TestRandomSteps(t *testing.T) {
	rng := rand.New(rand.NewSource(7))
	const pieces = 20
	p := New(pieces, func(i int) int { return 1 + i%4 }, rng)
	owed := map[int]map[Block]bool{}
	var ids []int
	for step := range 20_000 {
		switch rng.Intn(12) {
		case 0:
			if len(ids) < 6 {
				peer := &Peer{ID: step + 1, All: rng.Intn(3) == 0, Rate: float64(rng.Intn(1 << 20)), Fast: map[int]bool{}}
				if !peer.All {
					peer.Has = bitset.New(pieces)
				}
				p.Join(peer)
				ids = append(ids, peer.ID)
				owed[peer.ID] = map[Block]bool{}
			}
		case 1:
			if len(ids) > 0 && rng.Intn(4) == 0 {
				i := rng.Intn(len(ids))
				p.Leave(ids[i])
				delete(owed, ids[i])
				ids = slices.Delete(ids, i, i+1)
			}
		case 2, 3:
			if len(ids) > 0 {
				p.PeerHas(ids[rng.Intn(len(ids))], rng.Intn(pieces))
			}
		case 4:
			if len(ids) > 0 {
				p.PeerLost(ids[rng.Intn(len(ids))], rng.Intn(pieces))
			}
		case 5:
			p.Pieces.Select(rng.Intn(pieces), rng.Intn(3) > 0)
		case 6:
			p.SetUrgent([]Urgent{{Piece: rng.Intn(pieces), End: 1 + rng.Intn(4), Deadline: now}})
		case 7:
			if i := rng.Intn(pieces); p.Pieces.Have(i) {
				p.Pieces.SetHave(i, false)
			}
		case 8:
			if i := rng.Intn(pieces); p.Pieces.Complete(i) && rng.Intn(2) == 0 {
				p.Pieces.Failed(i)
			} else if p.Pieces.Complete(i) {
				p.Pieces.SetHave(i, true)
			}
		default:
			if len(ids) == 0 {
				continue
			}
			id := ids[rng.Intn(len(ids))]
			for _, b := range p.Pick(now.Add(time.Duration(step)*time.Millisecond), p.peers[id], 1+rng.Intn(5), nil) {
				if owed[id][b] && p.Pieces.active[b.Piece].state[b.N].here {
					t.Fatalf("step %d: %v asked of %d again", step, b, id)
				}
				owed[id][b] = true
			}
			for b := range owed[id] {
				delete(owed[id], b)
				if rng.Intn(2) == 0 {
					p.Pieces.Received(b, id)
				} else {
					p.Pieces.Dropped(b, id)
				}
			}
		}
		if p.check(t); t.Failed() {
			t.Fatalf("at step %d", step)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	const pieces = 4096
	p := New(pieces, func(int) int { return 64 }, rand.New(rand.NewSource(1)))
	for i := range pieces {
		p.Pieces.Select(i, true)
	}
	peer := &Peer{ID: 1, All: true, Rate: 1e8}
	p.Join(peer)
	var out []Block
	for b.Loop() {
		out = p.Pick(now, peer, 8, out[:0])
		for _, bl := range out {
			p.Pieces.Received(bl, 1)
			if p.Pieces.Complete(bl.Piece) {
				p.Pieces.SetHave(bl.Piece, true)
				p.Pieces.SetHave(bl.Piece, false)
			}
		}
		peer.Queued = 0
	}
}

// TestSeedIsAskedForWhatOnlySeedsHave begins a common piece at one peer, which
// then chokes us: the seed is not asked to go on with it while it has others
// that nobody else has.
func TestSeedIsAskedForWhatOnlySeedsHave(t *testing.T) {
	p, peers := drawn("   ", "*  ")
	seed := &Peer{ID: 9, All: true, Rate: 1e6}
	p.Join(seed)
	for _, b := range p.Pick(now, peers[0], 2, nil) {
		p.Pieces.Dropped(b, peers[0].ID)
	}
	got := p.Pick(now, seed, 6, nil)
	if len(got) != 6 || got[0].Piece == 0 || got[2].Piece == 0 || got[4].Piece != 0 {
		t.Errorf("got %v, want piece 0 last", got)
	}
	p.check(t)
}

// TestNoEndgameWhileAnythingRests: a peer without anything new is not asked
// for what another owes, as long as there is more to ask of that one.
func TestNoEndgameWhileAnythingRests(t *testing.T) {
	p, peers := drawn("   ", " **", "*  ", "*  ", " * ")
	peers[0].Rate = 1 << 10
	p.Pick(now, peers[0], 2, nil) // piece 2, the rarest
	if got := said(p.Pick(now, peers[1], 2, nil)); got != "0.0 0.1" {
		t.Errorf("got %q, want what it has", got)
	}
	if got := said(p.Pick(now, peers[2], 2, nil)); got != "" {
		t.Errorf("got %q while piece 1 rests", got)
	}
	p.Pick(now, peers[0], 2, nil)
	peers[1].Rate = 1 << 10
	if got := said(p.Pick(now, peers[2], 2, nil)); got != "0.0 0.1" {
		t.Errorf("got %q when nothing rests", got)
	}
}

// TestRarestOfMany has peers that lack the first of the order: few of very
// many pieces, or all but the rare ones.
func TestRarestOfMany(t *testing.T) {
	const pieces = 4096
	p := New(pieces, func(int) int { return 1 }, rand.New(rand.NewSource(3)))
	few, most := &Peer{ID: 1, Has: bitset.New(pieces)}, &Peer{ID: 2, Has: bitset.New(pieces)}
	rare := &Peer{ID: 3, Has: bitset.New(pieces)}
	for i := range pieces {
		p.Pieces.Select(i, true)
		few.Has.SetTo(uint(i), i == 4000 || i == 77)
		most.Has.SetTo(uint(i), i >= 1000)
		rare.Has.SetTo(uint(i), i < 1000 || i == 77)
	}
	for _, peer := range []*Peer{few, most, rare} {
		p.Join(peer)
	}
	for want := range 3 {
		got := p.Pick(now, few, 1, nil)
		if len(got) != min(1, max(0, 2-want)) {
			t.Fatalf("got %v at pick %d", got, want)
		}
	}
	seen := map[int]bool{}
	for len(seen) < 3096-1 {
		got := p.Pick(now, most, 50, nil)
		if len(got) == 0 {
			t.Fatalf("%d pieces, then none", len(seen))
		}
		for _, b := range got {
			if b.Piece < 1000 || seen[b.Piece] {
				t.Fatalf("got %v", b)
			}
			seen[b.Piece] = true
		}
	}
	p.check(t)
}
