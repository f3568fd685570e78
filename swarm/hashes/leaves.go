package hashes

import (
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/picker"
)

const (
	// leafPatience is how long, beyond twice its Delay, a peer may take to answer
	// a request for leaf hashes before another is asked too; newPatience if it has
	// never sent a block.
	leafPatience = 100 * time.Millisecond
	newPatience  = 400 * time.Millisecond
	// leafTimeout is when its answer is not expected any more.
	leafTimeout = 10 * time.Second
	// leafRefusals is how often a peer may refuse before it is asked no more.
	leafRefusals = 3
	// maxLeaves bounds the leaf hashes that a torrent keeps: 8 MiB of them.
	maxLeaves = 1 << 18
)

// Leaves fetches the leaf hashes of pieces that are read, and keeps them.
type Leaves struct {
	known   *Known
	torrent Torrent
	peers   map[int]*giver
	leaves  map[int][]metainfo.Hash256 // by piece, one a block; zero: not known
	order   []int                      // pieces in leaves, as they came
	count   int                        // hashes in leaves
	pending map[question]*asked
	actions
}

// giver is a peer that may be asked.
type giver struct {
	Peer
	refused int // times in a row
	wide    width
}

// width is whether a peer answers for several pieces at once.
type width int

const (
	untried width = iota // it has not answered for one
	wide
	narrow
)

// question is a request and who was asked.
type question struct {
	q    hashing.HashRequest
	peer int
}

// asked is a request that is under way.
type asked struct {
	block picker.Block // one of those it is for
	at    time.Time
	late  bool // another peer was asked too
}

// NewLeaves returns the leaves of a torrent.
func NewLeaves(known *Known, t Torrent) *Leaves {
	return &Leaves{
		known: known, torrent: t,
		peers:   map[int]*giver{},
		leaves:  map[int][]metainfo.Hash256{},
		pending: map[question]*asked{},
	}
}

// Join takes in a peer that speaks BEP 52.
func (ls *Leaves) Join(id int, p Peer) { ls.peers[id] = &giver{Peer: p} }

// Leave forgets a peer, and asks others in its place.
func (ls *Leaves) Leave(id int, now time.Time) []Action {
	delete(ls.peers, id)
	for k, a := range ls.pending {
		if k.peer == id {
			delete(ls.pending, k)
			ls.retry(a.block, now)
		}
	}
	return ls.take()
}

// Of returns the leaves of a piece, one a block and the zero hash where it is not
// known; nil if none is. It may change with the next call.
func (ls *Leaves) Of(piece int) []metainfo.Hash256 { return ls.leaves[piece] }

// Gives reports whether a peer may be asked for leaves.
func (ls *Leaves) Gives(id int) bool {
	g := ls.peers[id]
	return g != nil && g.gives()
}

func (g *giver) gives() bool { return g.refused < leafRefusals }

// ByBlock reports whether blocks of the piece can be verified one by one: their
// leaves are known, or there is a peer to ask for them.
func (ls *Leaves) ByBlock(piece int) bool {
	if !ls.known.Info.V2 || ls.known.Info.Pieces.Blocks(piece) < 2 {
		return false
	}
	if ls.leaves[piece] != nil {
		return true
	}
	for _, g := range ls.peers {
		if g.gives() {
			return true
		}
	}
	return false
}

// With returns the request for the leaf of a block that is to go right behind the
// request for the block itself, as some seeders have the leaves at hand only then.
// It reports false if none is.
func (ls *Leaves) With(id int, b picker.Block, now time.Time) (hashing.HashRequest, bool) {
	if !ls.Gives(id) || !ls.known.Info.V2 || ls.known.Info.Pieces.Blocks(b.Piece) < 2 || !ls.torrent.Reading(b.Piece) {
		return hashing.HashRequest{}, false
	}
	if k := ls.leaves[b.Piece]; k != nil && !k[b.N].IsZero() {
		return hashing.HashRequest{}, false
	}
	for k, a := range ls.pending {
		if ls.names(k.q, b) && (!a.late || k.peer == id) {
			return hashing.HashRequest{}, false
		}
	}
	q := ls.request(ls.peers[id], b)
	ls.pending[question{q, id}] = &asked{block: b, at: now}
	return q, true
}

// Ask asks the best peer for the leaf of a block that is read, and has been asked
// for or has come without it.
func (ls *Leaves) Ask(b picker.Block, now time.Time) []Action {
	ls.ask(b, now)
	return ls.take()
}

func (ls *Leaves) ask(b picker.Block, now time.Time) {
	best := -1
	for id, g := range ls.peers {
		if g.gives() && !ls.owes(id, b) && (best < 0 || ls.better(b, id, best, now)) {
			best = id
		}
	}
	if best < 0 {
		return
	}
	if q, ok := ls.With(best, b, now); ok {
		ls.add(Action{Do: Ask, Peer: best, Request: q})
	}
}

// owes reports whether the peer was asked for the leaf of a block.
func (ls *Leaves) owes(id int, b picker.Block) bool {
	for k := range ls.pending {
		if k.peer == id && ls.names(k.q, b) {
			return true
		}
	}
	return false
}

// better prefers peers that were asked for blocks of the piece, because some
// answer for no other, then those that refused less, then quick ones.
func (ls *Leaves) better(b picker.Block, id, than int, now time.Time) bool {
	if x, y := ls.torrent.AskedOf(b.Piece, id), ls.torrent.AskedOf(b.Piece, than); x != y {
		return x
	}
	g, o := ls.peers[id], ls.peers[than]
	if g.refused != o.refused {
		return g.refused < o.refused
	}
	if x, y := g.Late(now), o.Late(now); x != y {
		return x < y
	}
	return g.Rate() > o.Rate()
}

// Asked reports whether a peer was asked for just these leaves, and has not
// answered.
func (ls *Leaves) Asked(id int, q hashing.HashRequest) bool {
	return ls.pending[question{q, id}] != nil
}

// Answer takes leaves in. Those never asked for are dropped, false ones ban their
// sender.
func (ls *Leaves) Answer(id int, q hashing.HashRequest, hashes, uncles []metainfo.Hash256, now time.Time) []Action {
	a, g := ls.pending[question{q, id}], ls.peers[id]
	if a == nil || g == nil {
		return nil
	}
	delete(ls.pending, question{q, id})
	if !ls.known.Info.VerifyHashes(ls.known.Layers, q, hashes, uncles) {
		g.refused = leafRefusals
		ls.add(Action{Do: Ban, Peer: id, Why: "sent false hashes"})
		ls.retry(a.block, now)
		return ls.take()
	}
	g.refused = 0
	if g.wide == untried {
		g.wide = wide
	}
	for _, piece := range ls.keep(a.block.Piece, q, hashes) {
		ls.add(Action{Do: Judge, Piece: piece})
	}
	return ls.take()
}

// Reject takes in that a peer would not answer, and asks another.
func (ls *Leaves) Reject(id int, q hashing.HashRequest, now time.Time) []Action {
	a, g := ls.pending[question{q, id}], ls.peers[id]
	if a == nil || g == nil {
		return nil
	}
	delete(ls.pending, question{q, id})
	if q.Length > ls.known.Info.LeafCount(a.block.Piece) {
		g.wide = narrow // it may still answer for one
	} else {
		g.refused++
	}
	ls.retry(a.block, now)
	return ls.take()
}

// retry asks somebody else for the leaf of a block that is read; where nobody
// is left its readers wait for the whole piece.
func (ls *Leaves) retry(b picker.Block, now time.Time) {
	ls.ask(b, now)
	if ls.torrent.Waited(b.Piece) && !ls.ByBlock(b.Piece) {
		ls.add(Action{Do: Refocus})
	}
}

// Tick turns to others where an answer is late.
func (ls *Leaves) Tick(now time.Time) []Action {
	for k, a := range ls.pending {
		age := now.Sub(a.at)
		switch g := ls.peers[k.peer]; {
		case g == nil || age > leafTimeout:
			delete(ls.pending, k)
		case !a.late && age > g.patience():
			a.late = true
			g.refused++
			ls.retry(a.block, now)
		}
	}
	return ls.take()
}

// patience is how long an answer of the peer may take.
func (g *giver) patience() time.Duration {
	if d := g.Delay(); d > 0 {
		return leafPatience + 2*d
	}
	return newPatience
}
