package picker

import (
	"math/bits"
	"math/rand"

	"github.com/bits-and-blooms/bitset"
)

// order keeps the pieces that may be begun sorted by availability, ties in
// random order, so that finding the rarest and a change of one availability
// cost a few swaps.
//
// list[bound[a]:bound[a+1]] are the pieces that a peers have; seeds, which
// have everything, are counted apart and never move a piece.
type order struct {
	list  []int32
	bound []int32        // bound[a] is where availability a begins; one longer than the highest
	where []int32        // position in list, -1: not in it
	rests *bitset.BitSet // the pieces in list
	count []int32        // availability of each piece, in the list or not, without seeds
	seeds int
	rng   *rand.Rand
}

func newOrder(n int, rng *rand.Rand) order {
	o := order{where: make([]int32, n), rests: bitset.New(uint(n)), count: make([]int32, n), bound: []int32{0, 0}, rng: rng}
	for i := range o.where {
		o.where[i] = -1
	}
	return o
}

func (o *order) avail(piece int) int { return int(o.count[piece]) }

// grow makes room for availability a.
func (o *order) grow(a int32) {
	for int32(len(o.bound)) < a+2 {
		o.bound = append(o.bound, int32(len(o.list)))
	}
}

// add puts a piece that is not in the list to a random place of its run.
func (o *order) add(piece int) {
	if o.where[piece] >= 0 {
		return
	}
	a := o.count[piece]
	o.grow(a)
	o.rests.Set(uint(piece))
	o.list = append(o.list, int32(piece))
	at := int32(len(o.list) - 1)
	o.where[piece] = at
	// Everything from the end down to a's run moves by one: the first of
	// each higher run goes to that run's end.
	for r := int32(len(o.bound) - 2); r > a; r-- {
		o.swap(at, o.bound[r])
		at = o.bound[r]
		o.bound[r]++
	}
	o.bound[len(o.bound)-1] = int32(len(o.list))
	o.shuffle(piece)
}

// remove takes a piece out of the list.
func (o *order) remove(piece int) {
	at := o.where[piece]
	if at < 0 {
		return
	}
	for r := o.count[piece]; r < int32(len(o.bound)-1); r++ {
		last := o.bound[r+1] - 1
		o.swap(at, last)
		at = last
		o.bound[r+1]--
	}
	o.list = o.list[:len(o.list)-1]
	o.where[piece] = -1
	o.rests.Clear(uint(piece))
}

// shift changes the availability of a piece by +1 or -1.
func (o *order) shift(piece, d int) {
	if o.where[piece] < 0 {
		o.count[piece] += int32(d)
		return
	}
	a := o.count[piece]
	if d > 0 {
		o.grow(a + 1)
		o.swap(o.where[piece], o.bound[a+1]-1)
		o.bound[a+1]--
		o.count[piece]++
	} else {
		o.swap(o.where[piece], o.bound[a])
		o.bound[a]++
		o.count[piece]--
	}
	o.shuffle(piece)
}

// shuffle swaps the piece with a random one of its run.
func (o *order) shuffle(piece int) {
	a := o.count[piece]
	lo, hi := o.bound[a], o.bound[a+1]
	o.swap(o.where[piece], lo+int32(o.rng.Intn(int(hi-lo))))
}

func (o *order) swap(i, j int32) {
	if i == j {
		return
	}
	a, b := o.list[i], o.list[j]
	o.list[i], o.list[j] = b, a
	o.where[a], o.where[b] = j, i
}

// scarce is how many pieces of the order only seeds have.
func (o *order) scarce() int {
	if o.seeds == 0 {
		return 0
	}
	return int(o.bound[1])
}

// available is how many pieces of the order somebody has.
func (o *order) available() int {
	if o.seeds > 0 {
		return len(o.list)
	}
	return len(o.list) - int(o.bound[1])
}

const (
	// maxLook is how far the order is walked for a piece that a peer has. A
	// peer that has a good part of them is served by the first few.
	maxLook = 128
	// maxFound is how many pieces that a peer has are compared otherwise.
	maxFound = 1024
)

// rarest returns the rarest piece in the order that the peer may be asked
// for, or -1; of a peer that has few but common ones, the rarest of many.
func (o *order) rarest(peer *Peer) int {
	if peer.Choked {
		return o.rarestFast(peer)
	}
	from := int32(0)
	if o.seeds == 0 {
		from = o.bound[1] // nobody has those before
	}
	for i, piece := range o.list[from:] {
		if i == maxLook {
			return o.search(peer.Has)
		}
		if peer.has(int(piece)) {
			return int(piece)
		}
	}
	return -1
}

// rarestFast is rarest for a peer that chokes us and allows some pieces.
func (o *order) rarestFast(peer *Peer) int {
	best := -1
	for piece := range peer.Fast {
		if o.where[piece] >= 0 && peer.has(piece) && (best < 0 || o.where[piece] < o.where[best]) {
			best = piece
		}
	}
	return best
}

// search compares pieces in the order and in has, 64 at a step, from a random
// one on.
func (o *order) search(has *bitset.BitSet) int {
	if has == nil {
		return -1
	}
	rests, theirs := o.rests.Words(), has.Words()
	n := min(len(rests), len(theirs))
	if n == 0 {
		return -1
	}
	best, found := -1, 0
	at := o.rng.Intn(n)
	for range n {
		for w := rests[at] & theirs[at]; w != 0 && found < maxFound; w &= w - 1 {
			piece := at*64 + bits.TrailingZeros64(w)
			found++
			if best < 0 || o.where[piece] < o.where[best] {
				best = piece
			}
		}
		at = (at + 1) % n
	}
	return best
}
