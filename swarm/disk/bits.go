package disk

import (
	"math/bits"
	"sync/atomic"
)

// bitset is a set of piece indexes for concurrent use.
type bitset []atomic.Uint64

func newBits(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) get(i int) bool { return b[i/64].Load()>>(i%64)&1 == 1 }

func (b bitset) set(i int) { b[i/64].Or(1 << (i % 64)) }

// clear takes i out and reports whether it was in.
func (b bitset) clear(i int) bool {
	return b[i/64].And(^(uint64(1)<<(i%64)))>>(i%64)&1 == 1
}

func (b bitset) count() (n int) {
	for i := range b {
		n += bits.OnesCount64(b[i].Load())
	}
	return n
}
