package upload

import (
	"math/rand"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/bits-and-blooms/bitset"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/wire"
)

const (
	pieces      = 32
	blocks      = 4 // of a piece
	pieceLength = blocks * hashing.BlockSize
)

var start = time.Unix(1e9, 0)

// queue is a connection that sends when it is told to.
type queue struct {
	waiting []wire.Block
	sent    []wire.Block
	full    bool
}

func (q *queue) Upload(b wire.Block) bool {
	if !q.full {
		q.waiting = append(q.waiting, b)
	}
	return !q.full
}

func (q *queue) Uploading() int { return len(q.waiting) }

func (q *queue) CancelUpload(b wire.Block) bool {
	i := slices.Index(q.waiting, b)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	return i >= 0
}

func (q *queue) DropUploads(keep func(wire.Block) bool) (dropped []wire.Block) {
	q.waiting = slices.DeleteFunc(q.waiting, func(b wire.Block) bool {
		if !keep(b) {
			dropped = append(dropped, b)
			return true
		}
		return false
	})
	return dropped
}

// send writes up to n of the blocks that wait.
func (q *queue) send(n int) {
	n = min(n, len(q.waiting))
	q.sent = append(q.sent, q.waiting[:n]...)
	q.waiting = q.waiting[n:]
}

// side is a torrent's sending side with peers that it hears.
type side struct {
	t *testing.T
	*Uploads
	picker *picker.Picker
	at     Moment
	heard  map[int][]string // messages, by peer
}

// newSide is a seeder's, of all pieces but those that lack.
func newSide(t *testing.T, limit int64, lack ...int) *side {
	p := picker.New(pieces, func(int) int { return blocks }, rand.New(rand.NewSource(1)))
	for i := range pieces {
		p.Pieces.SetHave(i, !slices.Contains(lack, i))
	}
	s := &side{t: t, Uploads: New(limit, rand.New(rand.NewSource(2))), picker: p, at: Moment{Time: start, Seeding: true}, heard: map[int][]string{}}
	s.Open(p, pieceLength)
	return s
}

// peer joins with an ID and an owner.
func (s *side) peer(id, owner int) *Peer {
	p := &Peer{
		ID: id, Owner: owner, Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(id)}), Fast: true, Since: s.at.Time,
		Queue: &queue{}, Pieces: &picker.Peer{ID: id, Has: bitset.New(pieces), Fast: map[int]bool{}},
	}
	s.picker.Join(p.Pieces)
	s.Join(p)
	return p
}

func (s *side) hear(actions []Action) {
	for _, a := range actions {
		for raw := a.Append(nil); len(raw) > 0; {
			n := 4 + int(raw[3])
			s.heard[a.Peer] = append(s.heard[a.Peer], wire.Name(raw[4]))
			raw = raw[n:]
		}
	}
}

// said returns what a peer heard since the last call.
func (s *side) said(p *Peer) []string {
	out := s.heard[p.ID]
	delete(s.heard, p.ID)
	return out
}

func (s *side) interested(p *Peer) { s.hear(s.Interested(p, true, s.at)) }

func block(piece, n int) wire.Block {
	return wire.Block{Index: piece, Begin: n * hashing.BlockSize, Length: hashing.BlockSize}
}

func (s *side) ask(p *Peer, b wire.Block) Verdict {
	v, actions := s.Request(p, b, s.at)
	s.hear(actions)
	return v
}

// pass lets time go by in ticks, in each of which every queue sends some blocks.
func (s *side) pass(d time.Duration, each int) {
	for end := s.at.Time.Add(d); s.at.Time.Before(end); {
		s.at.Time = s.at.Time.Add(100 * time.Millisecond)
		for _, p := range s.peers {
			q := p.Queue.(*queue)
			q.send(each)
			p.Measure(int64(len(q.sent))*hashing.BlockSize, s.at.Time)
		}
		s.hear(s.Tick(s.at))
	}
}

func TestUnchokedWhileASlotIsFree(t *testing.T) {
	s := newSide(t, 0)
	var all []*Peer
	unchoked := 0
	for id := range 100 {
		p := s.peer(id, id)
		all = append(all, p)
		if s.interested(p); !p.Choking() {
			unchoked++
			if got := s.said(p); !slices.Equal(got, []string{wire.Name(wire.MsgUnchoke)}) {
				t.Fatalf("heard %v", got)
			}
		}
	}
	if unchoked == 0 || unchoked == len(all) {
		t.Fatalf("%d of %d were unchoked", unchoked, len(all))
	}
	was := map[int]bool{}
	for range 100 {
		s.pass(10*time.Second, 1)
		for _, p := range all {
			was[p.ID] = was[p.ID] || !p.Choking()
		}
	}
	if len(was) < len(all) {
		t.Errorf("%d of %d ever had a slot", len(was), len(all))
	}
}

// TestOwnerIsOneContender: one with two connections has one slot, is choked and
// unchoked on both, and has one queue of turns.
func TestOwnerIsOneContender(t *testing.T) {
	s := newSide(t, 4*hashing.BlockSize)
	a, b, other := s.peer(1, 7), s.peer(2, 7), s.peer(3, 3)
	if n := len(s.contenders()); n != 2 {
		t.Fatalf("%d contenders of two owners", n)
	}
	s.interested(a)
	if a.Choking() || b.Choking() || !slices.Equal(s.said(b), []string{wire.Name(wire.MsgUnchoke)}) {
		t.Error("unchoked on one connection only")
	}
	c := s.peer(4, 7)
	if s.hear(s.Welcome(c, [20]byte{}, false, s.at)); !slices.Contains(s.said(c), wire.Name(wire.MsgUnchoke)) {
		t.Error("a third connection was not told that it is unchoked")
	}
	s.interested(other)
	for i := range 16 {
		s.ask(a, block(i, 0))
		s.ask(b, block(i, 1))
		s.ask(other, block(i, 2))
	}
	s.pass(1200*time.Millisecond, 1)
	ofOwner := len(a.Queue.(*queue).sent) + len(b.Queue.(*queue).sent)
	if n := len(other.Queue.(*queue).sent); n < ofOwner/2 || ofOwner < n/2 || n == 0 {
		t.Errorf("%d blocks to an owner of two connections, %d to one of one", ofOwner, n)
	}
	s.said(a)
	s.said(b)
	s.hear(s.Choke(7, true, s.at))
	for _, p := range []*Peer{a, b} {
		got := s.said(p)
		if len(got) < 2 || got[0] != wire.Name(wire.MsgChoke) || got[1] != wire.Name(wire.MsgReject) {
			t.Errorf("choked, %d heard %v", p.ID, got)
		}
	}
	s.Leave(a)
	if n := len(s.owners); n != 2 {
		t.Errorf("%d owners while one has a connection left", n)
	}
	s.Leave(b)
	s.Leave(c)
	if n := len(s.owners); n != 1 || s.turns.Len(7) != 0 {
		t.Errorf("%d owners left", n)
	}
}

func TestRequestVerdicts(t *testing.T) {
	const gone = 5
	for _, tt := range []struct {
		name  string
		piece int
		set   func(*side, *Peer)
		want  Verdict
	}{
		{"unchoked", 1, func(s *side, p *Peer) { s.interested(p) }, Taken},
		{"choked", 1, func(*side, *Peer) {}, Refused},
		{"choked, of an allowed piece", 1, func(_ *side, p *Peer) { p.fast.pieces = map[int]bool{1: true} }, Taken},
		{"choked, of an allowed piece and too much", 1, func(_ *side, p *Peer) {
			p.fast = allowance{map[int]bool{1: true}, fastBudget}
		}, Refused},
		{"of what is not here", gone, func(s *side, p *Peer) { s.interested(p) }, Refused},
		{"of what is not here, and cannot be told", gone, func(s *side, p *Peer) { p.Fast = false; s.interested(p) }, Gone},
		{"behind hundreds", 1, func(s *side, p *Peer) {
			s.interested(p)
			p.Queue.(*queue).waiting = make([]wire.Block, MaxRequests)
		}, Overrun},
		{"the queue is full", 1, func(s *side, p *Peer) { s.interested(p); p.Queue.(*queue).full = true }, Refused},
	} {
		s := newSide(t, 0, gone)
		p := s.peer(1, 1)
		tt.set(s, p)
		if got := s.ask(p, block(tt.piece, 0)); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestWelcome: BEP 6's allowed fast set, of what is here; and a slot for one who
// dialled a seeder.
func TestWelcome(t *testing.T) {
	for _, tt := range []struct {
		name            string
		seeding, dialed bool
		want            bool
	}{{"seeding", true, true, true}, {"leeching", false, true, false}, {"we dialled", true, false, false}} {
		s := newSide(t, 0)
		s.at.Seeding = tt.seeding
		p := s.peer(1, 1)
		s.hear(s.Welcome(p, [20]byte{1}, tt.dialed, s.at))
		got := s.said(p)
		if n := slices.Index(append(got, wire.Name(wire.MsgUnchoke)), wire.Name(wire.MsgUnchoke)); n != allowedFast || slices.Contains(got, wire.Name(wire.MsgUnchoke)) != tt.want {
			t.Errorf("%s: heard %v", tt.name, got)
		}
	}
}

// TestSuggestions: peers that heed it are each suggested pieces of their own, and
// what one was suggested who left others are.
func TestSuggestions(t *testing.T) {
	s := newSide(t, 0)
	given := map[int]int{}
	var first *Peer
	for id := range 3 {
		p := s.peer(id, id)
		p.Heeds = true
		s.interested(p)
		if len(p.suggested) == 0 {
			t.Fatal("nothing suggested")
		}
		for _, piece := range p.suggested {
			given[piece]++
		}
		if first == nil {
			first = p
		}
	}
	for piece, n := range given {
		if n > 1 {
			t.Errorf("piece %d suggested to %d", piece, n)
		}
	}
	back := slices.Clone(first.suggested)
	s.Leave(first)
	p := s.peer(9, 9)
	p.Heeds = true
	s.interested(p)
	if !slices.Contains(p.suggested, back[0]) {
		t.Errorf("suggested %v, want what was taken back: %v", p.suggested, back)
	}
	stranger := s.peer(10, 10)
	if s.interested(stranger); stranger.suggested != nil {
		t.Error("one that does not heed it is suggested pieces")
	}
}

// TestPassedOn: at a limit others are refused, once, what a peer has got.
func TestPassedOn(t *testing.T) {
	s := newSide(t, hashing.BlockSize)
	a, b := s.peer(1, 1), s.peer(2, 2)
	s.interested(a)
	s.interested(b)
	for n := range blocks {
		s.ask(a, block(0, n))
	}
	for piece := range 4 {
		for n := range blocks {
			s.ask(b, block(piece, n))
		}
	}
	s.said(b)
	waited := s.turns.Len(b.Owner)
	s.hear(s.Has(a, 0, s.at))
	got := s.said(b)
	if len(got) == 0 || len(got) > blocks || s.turns.Len(b.Owner) != waited-len(got) {
		t.Errorf("heard %v, %d of %d wait", got, s.turns.Len(b.Owner), waited)
	}
	s.ask(b, block(0, 0))
	if s.hear(s.Has(a, 0, s.at)); len(s.said(b)) > 0 {
		t.Error("refused a second time")
	}
}

// TestEveryRequestIsAnswered does at random what peers may, with several
// connections to an owner and with and without a limit: each block that was asked
// for and not cancelled is sent once or rejected, and what waits is bounded.
func TestEveryRequestIsAnswered(t *testing.T) {
	for seed := range int64(40) {
		rng := rand.New(rand.NewSource(seed))
		s := newSide(t, []int64{0, 20 * hashing.BlockSize}[seed%2])
		all := map[int]*Peer{}
		asked, answered := map[int]int{}, map[int]int{}
		rejects := func() {
			for id := range all {
				for _, m := range s.said(all[id]) {
					if m == wire.Name(wire.MsgReject) {
						answered[id]++
					}
				}
			}
		}
		for id := 0; id < 600; id++ {
			if len(all) < 8 && rng.Intn(10) == 0 {
				all[id] = s.peer(id, id%5)
				s.hear(s.Welcome(all[id], [20]byte{1}, true, s.at))
			}
			for pid, p := range all {
				switch rng.Intn(8) {
				case 0:
					s.hear(s.Interested(p, rng.Intn(3) > 0, s.at))
				case 1, 2, 3:
					b := block(rng.Intn(pieces), rng.Intn(blocks))
					asked[pid]++
					if s.ask(p, b) != Taken {
						answered[pid]++
					} else if rng.Intn(5) == 0 && s.Cancel(p, b) {
						answered[pid]++
					}
				case 4:
					s.hear(s.Has(p, rng.Intn(pieces), s.at))
				case 5:
					s.hear(s.Choke(p.Owner, rng.Intn(2) > 0, s.at))
				case 6:
					s.pass(time.Duration(rng.Intn(3000))*time.Millisecond, rng.Intn(2))
				}
				if n := p.Queue.Uploading() + s.inTurns(p); n > MaxRequests {
					t.Fatalf("seed %d: %d blocks wait", seed, n)
				}
			}
			rejects()
		}
		for range 100 {
			s.pass(time.Second, 100)
		}
		rejects()
		for id, p := range all {
			if got := answered[id] + len(p.Queue.(*queue).sent); got != asked[id] {
				t.Errorf("seed %d: peer %d asked %d times, and was answered %d times", seed, id, asked[id], got)
			}
			s.Leave(p)
		}
		if len(s.peers)+len(s.owners)+len(s.sending) > 0 {
			t.Errorf("seed %d: somebody is left", seed)
		}
	}
}
