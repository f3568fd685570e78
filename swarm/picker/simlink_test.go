package picker_test

import (
	"math"
	"slices"
	"time"

	"p2pfs/swarm/choker"
	"p2pfs/swarm/picker"
)

const (
	firstDepth   = 16 // as in package swarm
	maxDepth     = 250
	suggestAhead = 512 << 10
	snubAfter    = 10 * time.Second // others are asked too
	snubbed      = 60 * time.Second // the choker is told (BEP 3)
	quickly      = 0.4              // of a second's rate into the picker's average
)

// slowly is how much of one second's rate goes into averages over RateWindow.
var slowly = 1 - math.Exp(-2/choker.RateWindow.Seconds())

// link is a node's side of a connection.
type link struct {
	from, to *node
	since    time.Time
	delay    time.Duration // from one side to the other

	// What from asks of to.
	peer     *picker.Peer
	asked    map[picker.Block]bool
	lacking  int // pieces that to has and from lacks
	asking   bool
	lastGot  time.Duration
	gotTick  float64
	downRate float64
	slow     bool // owes blocks and sends none
	snubbed  bool

	// What from sends to to.
	choking   bool
	wanted    bool // to is interested
	unchoked  time.Time
	refused   map[int]bool // pieces that to was told, once, to get elsewhere
	sentSince int64
	sentTick  float64
	upRate    float64
	suggested []int // to to, and not yet asked for
	piece     int   // that to asked for last
}

func connect(a, b *node) {
	// No two connections are alike, or the same few would always come first.
	delay := a.RTT/4 + time.Duration(a.rng.Int63n(int64(a.RTT/2)+1))
	for _, l := range []*link{{from: a, to: b}, {from: b, to: a}} {
		l.since, l.choking, l.delay = a.clock(), true, delay
		l.asked = map[picker.Block]bool{}
		l.peer = &picker.Peer{ID: l.to.id, Choked: true, RTT: 2 * delay, Key: l.to.picker.Key}
		if have := l.to.picker.Pieces.HeldSet(); have.All() {
			l.peer.All = true
		} else {
			l.peer.Has = have
		}
		l.lacking = int(l.to.picker.Pieces.HeldSet().DifferenceCardinality(l.from.picker.Pieces.HeldSet()))
		l.from.picker.Join(l.peer)
		l.from.links = append(l.from.links, l)
		l.from.byID[l.to.id] = l
	}
	a.byID[b.id].interest()
	b.byID[a.id].interest()
}

// then has f called when a message has come to the other side, with its side
// of the connection, if that is still there.
func (l *link) then(f func(back *link)) {
	l.from.after(l.delay, func() {
		if back := l.to.byID[l.from.id]; back != nil {
			f(back)
		}
	})
}

// interest tells the other side whether it has anything for us.
func (l *link) interest() {
	want := l.lacking > 0
	if want == l.asking {
		return
	}
	l.asking = want
	l.then(func(back *link) {
		back.wanted = want
		if want && back.choking {
			back.from.unchokeMore()
		}
	})
}

// has notes a have message.
func (l *link) has(piece int) {
	if l.peer.All || l.peer.Has.Test(uint(piece)) {
		return
	}
	l.from.picker.PeerHas(l.to.id, piece)
	l.from.spare(l, piece)
	if !l.from.picker.Pieces.Have(piece) {
		l.lacking++
		l.interest()
		l.fill()
	}
}

// choke chokes or unchokes the other side.
func (l *link) choke(on bool) {
	if l.choking == on {
		return
	}
	l.choking = on
	if on {
		l.from.turns.Drop(l.to.id, func(choker.Block) bool { return false })
		l.from.turns.Stop(l.to.id)
		l.from.handing.Back(l.suggested)
		l.suggested = nil
	} else {
		l.unchoked, l.sentSince, l.piece = l.from.clock(), 0, -1
	}
	l.then(func(back *link) { back.choked(on) })
	l.suggest()
}

// choked is the other end of choke.
func (l *link) choked(on bool) {
	l.peer.Choked = on
	if !on {
		l.fill()
		return
	}
	for _, b := range l.owed() {
		l.drop(b)
	}
	for _, o := range l.from.links {
		o.fill()
	}
}

// owed lists what was asked, in an order that does not vary.
func (l *link) owed() []picker.Block {
	out := make([]picker.Block, 0, len(l.asked))
	for b := range l.asked {
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b picker.Block) int { return (a.Piece-b.Piece)<<20 + a.N - b.N })
	return out
}

func (l *link) drop(b picker.Block) {
	delete(l.asked, b)
	l.peer.Queued = len(l.asked) * blockSize
	l.from.picker.Pieces.Dropped(b, l.to.id)
}

// depth is how many blocks to have asked for: some round trips' worth and
// what rides out the other's turns.
func (l *link) depth() int {
	if l.slow {
		return 1
	}
	r := l.peer.Rate / blockSize
	n := int(r*(4*l.delay.Seconds()+0.5)) + 4
	if l.peer.Rate == 0 {
		n = firstDepth
	}
	return min(n, maxDepth)
}

// fill asks the other side for as much as it should owe us.
func (l *link) fill() {
	if l.peer.Choked || l.lacking == 0 || l.from.gone {
		return
	}
	d := l.depth()
	room := d - len(l.asked)
	if room <= 0 || room < d/8 {
		return
	}
	if len(l.asked) == 0 {
		l.lastGot = l.from.now
	}
	blocks := l.from.picker.Pick(l.from.clock(), l.peer, room, nil)
	if len(blocks) == 0 {
		return
	}
	for _, b := range blocks {
		l.asked[b] = true
	}
	l.peer.Queued = len(l.asked) * blockSize
	l.then(func(back *link) {
		if back.choking {
			return // told already
		}
		for _, b := range blocks {
			back.from.turns.Add(back.from.clock(), back.to.id, inTurn(b))
			back.took(b.Piece)
		}
		back.from.serve()
	})
}

// took notes what the other side asks a seeder for.
func (l *link) took(piece int) {
	if piece != l.piece {
		l.piece = piece
		l.from.handing.Out(piece)
		l.suggest()
	}
}

// suggest tells the other side what to ask a seeder for next.
func (l *link) suggest() {
	n := l.from
	if l.choking || !n.seeding() || l.peer.All || n.NoSuggest {
		return
	}
	l.suggested = slices.DeleteFunc(l.suggested, func(piece int) bool {
		return piece == l.piece || l.peer.Has.Test(uint(piece))
	})
	for want := 1 + suggestAhead/(n.Blocks*blockSize); len(l.suggested) < want; {
		piece := n.handing.Take(n.picker, n.clock())
		if piece < 0 {
			return
		}
		l.suggested = append(l.suggested, piece)
		l.then(func(back *link) { back.from.picker.Suggest(n.id, piece) })
	}
}

// cancel takes a request back that somebody else has answered.
func (l *link) cancel(b picker.Block) {
	l.drop(b)
	l.then(func(back *link) {
		back.from.turns.Cancel(back.to.id, inTurn(b))
	})
}

// got notes a block that came.
func (l *link) got(b picker.Block) {
	delete(l.asked, b)
	l.peer.Queued = len(l.asked) * blockSize
	l.gotTick += blockSize
	l.lastGot, l.slow, l.snubbed = l.from.now, false, false
}

// tick measures the last second.
func (l *link) tick() {
	l.downRate += (l.gotTick - l.downRate) * slowly
	l.upRate += (l.sentTick - l.upRate) * slowly
	if l.gotTick > 0 || len(l.asked) > 0 {
		l.peer.Rate = max(128, l.peer.Rate+(l.gotTick-l.peer.Rate)*quickly)
	}
	l.gotTick, l.sentTick = 0, 0
	quiet := l.from.now - l.lastGot
	if len(l.asked) > 0 && quiet > snubAfter && !l.slow {
		l.slow = true
		for _, b := range l.owed() {
			l.from.picker.Pieces.Dropped(b, l.to.id)
		}
	}
	l.snubbed = l.slow && quiet > snubbed
	l.fill()
}

func inTurn(b picker.Block) choker.Block {
	return choker.Block{Piece: b.Piece, Begin: b.N * blockSize, Length: blockSize}
}
