package picker_test

import (
	"math/rand"
	"time"

	"p2pfs/swarm/choker"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/picker"
)

const blockSize = hashing.BlockSize

// node is one peer.
type node struct {
	*world
	id       int
	up, down float64 // bytes/s; down 0: a seed from the start
	came     time.Duration
	gone     bool

	picker  *picker.Picker
	choker  *choker.Choker
	handing picker.Handing
	links   []*link
	byID    map[int]*link

	turns    choker.Turns
	sending  bool          // a block is on the uplink
	lookAt   time.Duration // when to look again for a receiver with room
	downFree time.Duration // when the downlink has passed what is under way
	rate     float64       // bytes/s sent, averaged
	sent     float64
	sentTick float64
}

func (w *world) newNode(up, down float64) *node {
	w.lastID++
	rng := rand.New(rand.NewSource(w.rng.Int63()))
	n := &node{world: w, id: w.lastID, up: up, down: down, byID: map[int]*link{}}
	n.picker = picker.New(w.Pieces, func(int) int { return w.Blocks }, rng)
	for i := range w.Pieces {
		n.picker.Pieces.Select(i, true)
		if down == 0 {
			n.picker.Pieces.SetHave(i, true)
		}
	}
	n.choker = choker.New(choker.Config{}, rng)
	n.turns.Longest = int(2 * up)
	if w.NoLimits {
		n.turns.Longest = blockSize
	}
	n.picker.Key = w.rng.Uint64() | 1
	return n
}

// arrive connects a node to some that are there.
func (w *world) arrive(n *node) {
	for _, i := range w.rng.Perm(len(w.nodes)) {
		if o := w.nodes[i]; len(o.links) < 2*w.Neighbours {
			connect(n, o)
		}
		if len(n.links) >= w.Neighbours {
			break
		}
	}
	// Seeds are what everybody hopes to find; a tracker's list has them.
	for _, o := range w.nodes {
		if o.down == 0 && n.byID[o.id] == nil {
			connect(n, o)
		}
	}
	w.nodes = append(w.nodes, n)
	w.after(time.Duration(w.rng.Int63n(int64(time.Second))), n.tick)
	w.after(time.Duration(w.rng.Int63n(int64(choker.Interval))), n.round)
}

// leave takes a node out of the swarm.
func (n *node) leave() {
	n.gone = true
	for _, l := range n.links {
		l.to.lost(n.id)
	}
	for i, o := range n.nodes {
		if o == n {
			n.nodes = append(n.nodes[:i], n.nodes[i+1:]...)
			break
		}
	}
}

// lost ends the connection with a node that left.
func (n *node) lost(id int) {
	n.handing.Back(n.byID[id].suggested)
	n.picker.Leave(id)
	delete(n.byID, id)
	for i, l := range n.links {
		if l.to.id == id {
			n.links = append(n.links[:i], n.links[i+1:]...)
			break
		}
	}
	n.turns.Leave(id)
	for _, l := range n.links {
		l.fill()
	}
	n.unchokeMore()
}

func (n *node) seeding() bool { return n.picker.Pieces.Missing() == 0 }

// completed is called when the node has all.
func (n *node) completed() {
	n.open--
	n.result.Done = append(n.result.Done, n.now-n.came)
	n.result.Last = n.now
	if n.Leave {
		n.after(0, n.leave)
	}
}

// tick measures rates.
func (n *node) tick() {
	if n.gone {
		return
	}
	for _, l := range n.links {
		l.tick()
	}
	n.rate += (n.sentTick - n.rate) * slowly
	n.sentTick = 0
	n.after(time.Second, n.tick)
}

// round is the choker's.
func (n *node) round() {
	if n.gone || n.up == 0 {
		return
	}
	n.choker.Slots(n.clock(), n.rate)
	keep := map[int]bool{}
	for _, id := range n.choker.Round(n.clock(), n.contenders(), n.seeding()) {
		keep[id] = true
	}
	for _, l := range n.links {
		l.choke(!keep[l.to.id])
	}
	n.after(choker.Interval, n.round)
}

// unchokeMore gives free slots away before the next round.
func (n *node) unchokeMore() {
	if n.gone || n.up == 0 {
		return
	}
	for _, id := range n.choker.Fill(n.clock(), n.contenders(), n.seeding()) {
		n.byID[id].choke(false)
	}
}

func (n *node) contenders() []choker.Peer {
	out := make([]choker.Peer, len(n.links))
	for i, l := range n.links {
		out[i] = choker.Peer{
			ID: l.to.id, Interested: l.wanted, Choked: l.choking, Snubbed: l.snubbed,
			Down: l.downRate, Up: l.upRate, ConnectedAt: l.since,
			UnchokedAt: l.unchoked, SentSinceUnchoke: l.sentSince,
		}
	}
	return out
}

// serve puts the next block on the uplink, if it is free.
func (n *node) serve() {
	if n.sending || n.gone || n.up == 0 {
		return
	}
	waits := false
	id, b, ok := n.turns.Next(n.clock(), func(piece int) bool { return n.NoLimits || n.picker.Availability(piece) > 0 }, func(id int) bool {
		held := n.byID[id].to.downFree > n.now+n.RTT+100*time.Millisecond // TCP holds it back
		waits = waits || held
		return held
	})
	if ok {
		n.send(n.byID[id], picker.Block{Piece: b.Piece, N: b.Begin / blockSize})
	} else if waits && n.lookAt <= n.now {
		n.lookAt = n.now + 50*time.Millisecond
		n.after(50*time.Millisecond, n.serve)
	}
}

// spare has a seed refuse others, once, what they wait for of a piece that to
// now has.
func (n *node) spare(to *link, piece int) {
	if !n.seeding() || n.NoLimits {
		return
	}
	for _, l := range n.links {
		if l == to || l.refused[piece] || n.turns.Len(l.to.id) == 0 {
			continue
		}
		dropped := n.turns.Drop(l.to.id, func(b choker.Block) bool { return b.Piece != piece })
		if len(dropped) == 0 {
			continue
		}
		if l.refused == nil {
			l.refused = map[int]bool{}
		}
		l.refused[piece] = true
		l.then(func(back *link) {
			for _, b := range dropped {
				back.drop(picker.Block{Piece: b.Piece, N: b.Begin / blockSize})
			}
			back.fill()
		})
	}
}

func (n *node) send(l *link, b picker.Block) {
	n.sending = true
	n.after(seconds(blockSize/n.up), func() {
		n.sending = false
		n.sent += blockSize
		n.sentTick += blockSize
		l.sentTick += blockSize
		l.sentSince += blockSize
		if n.down == 0 {
			n.result.SeedSent += blockSize
		}
		to := l.to
		to.downFree = max(to.downFree, n.now+l.delay) + seconds(blockSize/to.down)
		n.after(to.downFree-n.now, func() { to.arrived(n.id, b) })
		if n.down == 0 && n.SeedsLeave > 0 && n.sent >= n.SeedsLeave*n.size() {
			n.leave()
			return
		}
		n.serve()
	})
}

// arrived takes in a block.
func (n *node) arrived(from int, b picker.Block) {
	if n.gone {
		return
	}
	n.blocks++
	l := n.byID[from]
	if l != nil {
		l.got(b)
	}
	wanted, others := n.picker.Pieces.Received(b, from)
	if !wanted {
		n.vain++
	}
	for _, id := range others {
		if o := n.byID[id]; o != nil {
			o.cancel(b)
		}
	}
	if wanted && n.picker.Pieces.Complete(b.Piece) {
		n.have(b.Piece)
	}
	if l != nil {
		l.fill()
	}
}

// have tells everybody about a new piece.
func (n *node) have(piece int) {
	n.picker.Pieces.SetHave(piece, true)
	for _, l := range n.links {
		if l.peer.All || l.peer.Has.Test(uint(piece)) {
			l.lacking--
			l.interest()
		}
	}
	for _, l := range n.links {
		l.then(func(back *link) { back.has(piece) })
	}
	if n.seeding() {
		n.completed()
	}
}
