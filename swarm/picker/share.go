package picker

// maxShared bounds how many pieces are looked at for one of our share, times
// those they are shared with.
const maxShared = 4096

// Leechers that begin what only a seed has, each at random, begin the same
// piece now and then, and the seed sends it twice before it has sent all once.
// So those that know one another share the pieces out without a word: each
// piece puts them in an order of its own (rendezvous hashing), and each begins
// pieces in whose order he is early.

// place is where key stands in the piece's order.
func place(key uint64, piece int) uint64 {
	x := key + uint64(piece)*0x9e3779b97f4a7c15 // splitmix64
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// sharers are the keys of the leechers that share pieces out as we do.
func (p *Picker) sharers() (keys []uint64) {
	if p.Key == 0 {
		return nil
	}
	for _, o := range p.joined {
		if o.Key != 0 && !o.All {
			keys = append(keys, o.Key)
		}
	}
	return keys
}

// share returns, of the pieces that only seeds have, one in whose order we are
// as early as can be. Otherwise is what to take if there is nobody to share with.
func (k *picking) share(otherwise int) int {
	keys := k.p.sharers()
	if len(keys) == 0 {
		return otherwise
	}
	best, least := otherwise, len(keys)+1
	for i, piece := range k.pieces.order.list[:k.pieces.order.bound[1]] {
		if i*len(keys) > maxShared || least == 0 {
			break
		}
		if n := before(keys, k.p.Key, int(piece)); n < least && k.may(int(piece)) {
			best, least = int(piece), n
		}
	}
	return best
}

// before is how many of the others come before us in the piece's order.
func before(others []uint64, us uint64, piece int) (n int) {
	mine := place(us, piece)
	for _, key := range others {
		if place(key, piece) < mine {
			n++
		}
	}
	return n
}
