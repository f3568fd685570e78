package picker

import (
	"math/rand"
	"testing"
	"time"

	"github.com/bits-and-blooms/bitset"
)

// large is a picker of 64 Ki pieces with 1 000 peers; each has every second
// piece of the first half, by chance. Of the second half nobody has any.
func large() (*Picker, []*Peer) {
	const pieces, peers = 64 << 10, 1000
	rng := rand.New(rand.NewSource(1))
	p := New(pieces, func(int) int { return 16 }, rng)
	for i := range pieces {
		p.Pieces.Select(i, true)
	}
	var all []*Peer
	for id := range peers {
		peer := &Peer{ID: id + 1, Has: bitset.New(pieces), Rate: 1e6}
		for i := range pieces / 2 {
			peer.Has.SetTo(uint(i), rng.Intn(2) == 0)
		}
		p.Join(peer)
		all = append(all, peer)
	}
	return p, all
}

// BenchmarkLarge is what one operation costs in a swarm of 1 000 peers and
// 64 Ki pieces.
func BenchmarkLarge(b *testing.B) {
	p, peers := large()
	var out []Block
	// Blocks are asked for and come; pieces are held, and lost again.
	b.Run("block", func(b *testing.B) {
		n := 0
		for b.Loop() {
			if n == len(out) {
				peer := peers[n%len(peers)]
				out, n = p.Pick(now, peer, 16, out[:0]), 0
				peer.Queued = 0
			}
			p.Pieces.Received(out[n], 1)
			if piece := out[n].Piece; p.Pieces.Complete(piece) {
				p.Pieces.SetHave(piece, true)
				p.Pieces.SetHave(piece, false)
			}
			n++
		}
	})
	b.Run("have", func(b *testing.B) {
		i := 0
		for b.Loop() {
			p.PeerHas(1+i%1000, 32<<10+i%1000)
			p.PeerLost(1+i%1000, 32<<10+i%1000)
			i++
		}
	})
	// A peer that has only what is held, and one of which all was begun.
	useless := &Peer{ID: 2000, Has: bitset.New(64 << 10), Rate: 1e6}
	useless.Has.Set(5)
	p.Join(useless)
	p.Pieces.SetHave(5, true)
	b.Run("nothing-new", func(b *testing.B) {
		for b.Loop() {
			out = p.Pick(now, useless, 16, out[:0])
		}
	})
	common := &Peer{ID: 2001, Has: bitset.New(64 << 10), Rate: 1e6}
	common.Has.Set(uint(p.Pieces.order.list[len(p.Pieces.order.list)-1]))
	p.Join(common)
	b.Run("one-new", func(b *testing.B) {
		for b.Loop() {
			out = p.Pick(now, common, 16, out[:0])
			p.Pieces.Forget(out[0].Piece)
		}
	})
	// A reader's window of 128 pieces, and peers that are all equally busy.
	var window []Urgent
	for i := range 128 {
		window = append(window, Urgent{Piece: i, End: 16, Deadline: now.Add(time.Second)})
	}
	for _, peer := range peers {
		peer.Queued = 1 << 20
	}
	b.Run("window", func(b *testing.B) {
		p.SetUrgent(window)
		for b.Loop() {
			out = p.Pick(now, peers[0], 16, out[:0])
			peers[0].Queued = 1 << 20
			for _, block := range out {
				p.Pieces.Dropped(block, peers[0].ID)
			}
		}
		p.SetUrgent(nil)
	})
	b.Run("join-leave", func(b *testing.B) {
		for b.Loop() {
			p.Leave(1)
			p.Join(peers[0])
		}
	})
}
