package hashes

import (
	"math/rand"
	"net/netip"
	"testing"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/netgroup"
	"p2pfs/swarm/picker"
	"p2pfs/swarm/swarmtest"
)

var start = time.Unix(1e9, 0)

// peer is one that may be asked.
type peer struct {
	empty       bool // has shown no piece
	rate        float64
	late, delay time.Duration
}

func (p *peer) HasPieces() bool              { return !p.empty }
func (p *peer) Rate() float64                { return p.rate }
func (p *peer) Late(time.Time) time.Duration { return p.late }
func (p *peer) Delay() time.Duration         { return p.delay }

// reads is a torrent of which pieces are read.
type reads struct {
	pieces map[int]bool // read; true: waited for
	asked  map[int]int  // by piece, of which peer
}

func (r *reads) Have(int) bool         { return false }
func (r *reads) Waited(piece int) bool { return r.pieces[piece] }

func (r *reads) Reading(piece int) bool {
	_, ok := r.pieces[piece]
	return ok
}

func (r *reads) AskedOf(piece, peer int) bool {
	of, ok := r.asked[piece]
	return ok && of == peer
}

// side is a torrent's hashes with a seeder's answers to compare with.
type side struct {
	*reads
	known  *Known
	layers *Layers
	leaves *Leaves
	tor    *swarmtest.Torrent
	tree   *hashing.HashTree
	now    time.Time
}

// newSide is of a file whose piece layer is not known.
func newSide(t *testing.T, kind swarmtest.Kind, length, pieceLength int) *side {
	tor := swarmtest.MakeFile(t, kind, "file", length, pieceLength)
	known := NewKnown(&metainfo.MetaInfo{Info: tor.Info})
	r := &reads{pieces: map[int]bool{}, asked: map[int]int{}}
	s := &side{reads: r, known: known, layers: NewLayers(known), leaves: NewLeaves(known, r), tor: tor, now: start}
	s.tree, _ = tor.Info.Tree(0).HashTree(tor.Layers()[tor.Info.Files[0].Root])
	return s
}

func (s *side) join(id int, p *peer) {
	s.layers.Join(id, p)
	s.leaves.Join(id, p)
}

// truth is what a seeder answers.
func (s *side) truth(q hashing.HashRequest) (list, uncles []metainfo.Hash256) {
	list, uncles, _ = s.tree.Answer(q, func(piece int) ([]metainfo.Hash256, bool) {
		return hashing.AppendLeaves(nil, s.tor.Piece(piece)), true
	})
	return list, uncles
}

// answer has a peer answer, truly or not.
func (s *side) answer(id int, q hashing.HashRequest, lie bool) []Action {
	list, uncles := s.truth(q)
	if lie {
		list[0][0]++
	}
	if s.leaves.Asked(id, q) {
		return append(s.leaves.Answer(id, q, list, uncles, s.now), s.layers.Resume()...)
	}
	return s.layers.Answer(id, q, list, uncles, s.now)
}

// of returns the actions of a kind.
func of(do Do, list []Action) (out []Action) {
	for _, a := range list {
		if a.Do == do {
			out = append(out, a)
		}
	}
	return out
}

// askedFor returns whom one request was sent to, and fails if it was not one.
func askedFor(t *testing.T, list []Action) Action {
	t.Helper()
	asks := of(Ask, list)
	if len(asks) != 1 {
		t.Fatalf("%d requests, want 1: %+v", len(asks), list)
	}
	return asks[0]
}

// TestLayerFromOnePeerAfterAnother goes through what a peer can do instead of
// answering.
func TestLayerFromOnePeerAfterAnother(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fails func(s *side, a Action) []Action
		ban   bool
	}{
		{"is silent", func(s *side, _ Action) []Action {
			s.now = s.now.Add(layerTimeout + 1)
			return s.layers.Tick(s.now)
		}, false},
		{"refuses", func(s *side, a Action) []Action { return s.layers.Reject(a.Peer, a.Request, s.now) }, false},
		{"leaves", func(s *side, a Action) []Action { return s.layers.Leave(a.Peer, s.now) }, false},
		{"lies", func(s *side, a Action) []Action {
			return append(s.answer(a.Peer, a.Request, true), s.layers.Tick(s.now)...)
		}, true},
		{"answers something else", func(s *side, a Action) []Action {
			q := a.Request
			q.Length /= 2
			return s.layers.Answer(a.Peer, q, nil, nil, s.now)
		}, false},
	} {
		s := newSide(t, swarmtest.V2, 1<<20, 64<<10)
		s.join(1, &peer{rate: 2})
		s.join(2, &peer{rate: 1})
		s.join(3, &peer{rate: 9, empty: true})
		first := askedFor(t, s.layers.Await(5, s.now))
		if first.Peer != 1 {
			t.Errorf("%s: %d is asked first", tt.name, first.Peer)
		}
		then := tt.fails(s, first)
		if got := len(of(Ban, then)) == 1; got != tt.ban {
			t.Errorf("%s: banned: %v", tt.name, got)
		}
		second := askedFor(t, then)
		if second.Peer != 2 {
			t.Fatalf("%s: then %d is asked", tt.name, second.Peer)
		}
		got := s.answer(2, second.Request, false)
		if len(of(Layer, got)) != 1 || len(of(Check, got)) != 1 || of(Check, got)[0].Piece != 5 {
			t.Errorf("%s: in the end %+v", tt.name, got)
		}
		for i := range s.tor.Info.Pieces.Count() {
			want, _ := s.tor.Info.PieceHash2(s.tor.Layers(), i)
			if h, ok := s.known.Piece(i); !ok || h != want {
				t.Errorf("%s: piece %d is not known", tt.name, i)
			}
		}
	}
}

// TestLargeLayersComeInWindows: no peer is sent more requests at once than it
// answers.
func TestLargeLayersComeInWindows(t *testing.T) {
	s := newSide(t, swarmtest.V2, 12<<10*hashing.BlockSize, hashing.BlockSize)
	s.join(1, &peer{})
	s.layers.WantAll()
	for out := of(Ask, s.layers.Tick(s.now)); len(out) > 0; {
		if len(out) > layerWindow {
			t.Fatalf("%d requests at once", len(out))
		}
		out = append(out[1:], of(Ask, s.answer(1, out[0].Request, false))...)
	}
	if _, ok := s.known.Piece(0); !ok {
		t.Error("the layer did not come")
	}
}

// TestHybridWithoutLayers has the pieces of a hybrid checked by their SHA-1 where
// nobody gives the layer, and not those of a v2 torrent.
func TestHybridWithoutLayers(t *testing.T) {
	for kind, want := range map[swarmtest.Kind]int{swarmtest.V2: 0, swarmtest.Hybrid: 1} {
		s := newSide(t, kind, 1<<20, 64<<10)
		if got := len(of(Check, s.layers.Await(3, s.now))); got != want {
			t.Errorf("%s: %d pieces are checked without their hash", kind, got)
		}
	}
}

// TestWhoIsAskedForLeaves goes through who is better.
func TestWhoIsAskedForLeaves(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b peer
		set  func(*side)
		want int
	}{
		{"the quicker", peer{rate: 1}, peer{rate: 2}, func(*side) {}, 2},
		{"one that is not late", peer{rate: 1}, peer{rate: 2, late: 1}, func(*side) {}, 1},
		{"one that refused less", peer{rate: 1, late: 1}, peer{rate: 2}, func(s *side) { s.leaves.peers[2].refused = 1 }, 1},
		{"one that was asked for the piece", peer{}, peer{rate: 2}, func(s *side) { s.asked[3] = 1 }, 1},
		{"one that has not refused too often", peer{}, peer{rate: 2}, func(s *side) {
			s.asked[3] = 2
			s.leaves.peers[2].refused = leafRefusals
		}, 1},
	} {
		s := newSide(t, swarmtest.V2, 1<<20, 64<<10)
		s.pieces[3] = true
		s.join(1, &tt.a)
		s.join(2, &tt.b)
		tt.set(s)
		if got := askedFor(t, s.leaves.Ask(picker.Block{Piece: 3}, s.now)); got.Peer != tt.want {
			t.Errorf("%s: %d was asked", tt.name, got.Peer)
		}
		if again := s.leaves.Ask(picker.Block{Piece: 3, N: 1}, s.now); len(again) > 0 {
			t.Errorf("%s: asked again for leaves of the same piece", tt.name)
		}
	}
}

// TestLateLeaves asks another peer when one is late, and takes the answer of
// either; who refuses too often is asked no more, and then the readers wait for
// the whole piece.
func TestLateLeaves(t *testing.T) {
	s := newSide(t, swarmtest.V2, 1<<20, 64<<10)
	s.pieces[3] = true
	s.join(1, &peer{rate: 2, delay: 50 * time.Millisecond})
	s.join(2, &peer{rate: 1})
	first := askedFor(t, s.leaves.Ask(picker.Block{Piece: 3}, s.now))
	s.now = s.now.Add(leafPatience + 2*50*time.Millisecond)
	if got := s.leaves.Tick(s.now); len(got) > 0 {
		t.Errorf("too soon: %+v", got)
	}
	s.now = s.now.Add(1)
	second := askedFor(t, s.leaves.Tick(s.now))
	if first.Peer != 1 || second.Peer != 2 {
		t.Fatalf("%d was asked, then %d", first.Peer, second.Peer)
	}
	if got := of(Judge, s.answer(1, first.Request, false)); len(got) != 1 || got[0].Piece != 3 {
		t.Errorf("the late answer: %+v", got)
	}
	s.pieces = map[int]bool{9: true}
	for n := range 2 * leafRefusals {
		list := s.leaves.Ask(picker.Block{Piece: 9}, s.now)
		for asks := of(Ask, list); len(asks) > 0; asks = of(Ask, list) {
			list = s.leaves.Reject(asks[0].Peer, asks[0].Request, s.now)
		}
		if last := n == 2*leafRefusals-1; last && (s.leaves.ByBlock(9) || s.leaves.Gives(1) || s.leaves.Gives(2)) {
			t.Error("who refuses always is asked on")
		}
	}
	if !s.leaves.ByBlock(3) {
		t.Error("leaves that are known do not count")
	}
}

// TestLeavesOfManyPieces: who has answered is asked for several pieces that are
// read, unless it refuses that.
func TestLeavesOfManyPieces(t *testing.T) {
	const per = 4
	s := newSide(t, swarmtest.V2, 6<<20+5, per*hashing.BlockSize)
	for i := range 90 {
		s.pieces[i] = i < 2
	}
	s.join(1, &peer{})
	one := askedFor(t, s.leaves.Ask(picker.Block{Piece: 0}, s.now))
	if one.Request.Length != per {
		t.Errorf("one that is new is asked for %d leaves", one.Request.Length)
	}
	s.answer(1, one.Request, false)
	many := askedFor(t, s.leaves.Ask(picker.Block{Piece: 40}, s.now))
	if want := 32 * per; many.Request.Length != want { // those from 32 on: the leaves of piece 0 are known
		t.Errorf("one that has answered is asked for %d leaves, want %d", many.Request.Length, want)
	}
	s.leaves.Reject(1, many.Request, s.now)
	if got := s.leaves.peers[1]; got.wide != narrow || got.refused != 0 {
		t.Errorf("after a refusal: %+v", got)
	}
	for k := range s.leaves.pending {
		if k.q.Length != per {
			t.Errorf("it is then asked for %d leaves", k.q.Length)
		}
	}
}

// TestLeavesAreBounded fills the store of leaves with pieces that nobody reads.
func TestLeavesAreBounded(t *testing.T) {
	s := newSide(t, swarmtest.V2, 2<<20, 64<<10)
	s.leaves.count = maxLeaves - 5*4
	for i := range s.tor.Info.Pieces.Count() {
		s.leaves.keepPiece(i, 0, make([]metainfo.Hash256, 4))
		if s.leaves.count > maxLeaves {
			t.Fatalf("%d leaves are kept", s.leaves.count)
		}
	}
	if n := len(s.leaves.leaves); n != 5 || s.leaves.Of(31) == nil || len(s.leaves.order) != 5 {
		t.Errorf("%d pieces are kept, want the last 5", n)
	}
}

// TestNothingFalseIsKnown has random peers answer truly, lie, refuse, be silent,
// come and go: what is known is true, who never lied is never banned, and with an
// honest peer everything comes.
func TestNothingFalseIsKnown(t *testing.T) {
	for seed := range int64(30) {
		rng := rand.New(rand.NewSource(seed))
		kind := swarmtest.Kinds[1+rng.Intn(len(swarmtest.Kinds)-1)]
		length := 1 + rng.Intn(3<<20)
		pieceLength := hashing.BlockSize << rng.Intn(5)
		s := newSide(t, kind, length, pieceLength)
		if !s.tor.Info.V2 {
			continue
		}
		lied := map[int]bool{}
		peers := map[int]int{} // how it behaves
		var todo []Action
		do := func(list []Action) {
			for _, a := range list {
				switch a.Do {
				case Ban:
					if !lied[a.Peer] {
						t.Fatalf("seed %d: an honest peer is banned: %s", seed, a.Why)
					}
					todo = append(todo, append(s.layers.Leave(a.Peer, s.now), s.leaves.Leave(a.Peer, s.now)...)...)
					delete(peers, a.Peer)
				case Ask:
					todo = append(todo, a)
				}
			}
		}
		s.join(0, &peer{delay: time.Millisecond})
		peers[0] = 0
		n := s.tor.Info.Pieces.Count()
		s.layers.WantAll()
		for step := 1; step < 2000; step++ {
			s.now = s.now.Add(time.Duration(rng.Intn(200)) * time.Millisecond)
			if rng.Intn(20) == 0 && len(peers) < 6 {
				peers[step] = rng.Intn(4)
				s.join(step, &peer{rate: rng.Float64(), delay: time.Duration(rng.Intn(100)) * time.Millisecond, empty: rng.Intn(4) == 0})
			}
			piece := rng.Intn(n)
			s.pieces[piece] = rng.Intn(2) == 0
			do(s.leaves.Ask(picker.Block{Piece: piece, N: rng.Intn(s.tor.Info.Pieces.Blocks(piece))}, s.now))
			do(s.layers.Tick(s.now))
			do(s.leaves.Tick(s.now))
			now := todo
			todo = nil
			for _, a := range now {
				how, here := peers[a.Peer]
				switch {
				case a.Do != Ask:
					do([]Action{a})
				case !here:
				case how == 0:
					do(s.answer(a.Peer, a.Request, false))
				case how == 1:
					lied[a.Peer] = true
					do(s.answer(a.Peer, a.Request, true))
				case how == 2:
					if s.leaves.Asked(a.Peer, a.Request) {
						do(s.leaves.Reject(a.Peer, a.Request, s.now))
					} else {
						do(s.layers.Reject(a.Peer, a.Request, s.now))
					}
				}
			}
			if len(s.leaves.pending) > 1000 {
				t.Fatalf("seed %d: %d questions are open", seed, len(s.leaves.pending))
			}
		}
		for i := range n {
			want, _ := s.tor.Info.PieceHash2(s.tor.Layers(), i)
			if h, ok := s.known.Piece(i); !ok || h != want {
				t.Errorf("seed %d: hash of piece %d: %v", seed, i, ok)
			}
			truth := hashing.AppendLeaves(nil, s.tor.Piece(i))
			for k, leaf := range s.leaves.Of(i) {
				if !leaf.IsZero() && leaf != truth[k] {
					t.Errorf("seed %d: a false leaf of piece %d", seed, i)
				}
			}
		}
	}
}

// TestAnswersAreBounded: a peer has so many requests answered at a time, whoever
// else asks; and is told what it paid since the last.
func TestAnswersAreBounded(t *testing.T) {
	tor := swarmtest.MakeFile(t, swarmtest.V2, "file", 1<<20, 64<<10)
	as := NewAnswers(NewKnown(tor.Meta))
	root := tor.Info.Files[0].Root
	for i := range maxJobs {
		if job, ok := as.Begin(1, root, int64(10*i)); !ok || job.Tree == nil || i > 0 && job.Paid != 10 {
			t.Fatalf("request %d: %v, paid %d", i, ok, job.Paid)
		}
	}
	if _, ok := as.Begin(1, root, 0); ok {
		t.Error("one too many is answered")
	}
	if _, ok := as.Begin(2, root, 0); !ok {
		t.Error("another peer is not answered")
	}
	as.Done(1)
	if _, ok := as.Begin(1, root, 0); !ok {
		t.Error("none is answered after one was")
	}
	if _, ok := as.Begin(3, [32]byte{1}, 0); ok {
		t.Error("answered of an unknown root")
	}
	as.Leave(1)
	as.Leave(2)
	as.Done(1)
	if len(as.peers) > 0 {
		t.Error("who left is remembered")
	}
}

// TestCredit: a group has so much hashed for it, more with time and with what it
// takes, and others are not the worse for it.
func TestCredit(t *testing.T) {
	var c Credit
	now := start
	a, b := netgroup.Of(netip.MustParseAddr("203.0.113.1")), netgroup.Of(netip.MustParseAddr("198.51.100.1"))
	n := 0
	for c.Spend(a, 1<<20, now) {
		n++
	}
	if n != startCredit>>20 || !c.Spend(b, 1<<20, now) {
		t.Errorf("%d MiB hashed for one group", n)
	}
	if c.Pay(a, 16<<10); !c.Spend(a, 1<<20, now) || c.Spend(a, 1<<20, now) {
		t.Error("a block does not pay for a MiB")
	}
	if now = now.Add(time.Second); !c.Spend(a, creditPerSecond, now) || c.Spend(a, 1, now) {
		t.Error("a second does not pay")
	}
	for i := range 2 * maxGroups {
		c.Spend(netgroup.Of(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})), 1, now)
	}
	if len(c.debts) > maxGroups {
		t.Errorf("%d groups are remembered", len(c.debts))
	}
	if !c.forget(now.Add(time.Hour)) || len(c.debts) > 0 {
		t.Errorf("%d groups have not paid in an hour", len(c.debts))
	}
}
