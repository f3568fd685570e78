package picker

import "math/rand"

// order keeps the pieces that may be begun sorted by availability, ties in
// random order, so that finding the rarest and a change of one availability
// cost a few swaps.
//
// list[bound[a]:bound[a+1]] are the pieces that a peers have; seeds, which
// have everything, are counted apart and never move a piece.
type order struct {
	list  []int32
	bound []int32 // bound[a] is where availability a begins; one longer than the highest
	where []int32 // position in list, -1: not in it
	count []int32 // availability of each piece, in the list or not, without seeds
	seeds int
	rng   *rand.Rand
}

func newOrder(n int, rng *rand.Rand) order {
	o := order{where: make([]int32, n), count: make([]int32, n), bound: []int32{0, 0}, rng: rng}
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

// rarest returns the first piece in the order that ok accepts, or -1. Pieces
// that nobody has are passed over.
func (o *order) rarest(ok func(piece int) bool) int {
	from := int32(0)
	if o.seeds == 0 {
		from = o.bound[1]
	}
	for _, piece := range o.list[from:] {
		if ok(int(piece)) {
			return int(piece)
		}
	}
	return -1
}
