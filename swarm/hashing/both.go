package hashing

import (
	"crypto/sha1"
	"crypto/sha256"
	"hash"
)

// both computes the SHA-1 of an input that comes in parts, and the SHA-256 of
// each part, in little more than the time of one of them. It must be made by
// newBoth, and belongs to one goroutine.
type both struct {
	state  [2]state1          // the second is for a lane that has nothing to do
	rest   [2 * blockLen]byte // what does not fill a block yet, and room to pad it
	length uint64
	single hash.Hash // instead, where there are no two lanes
}

// newBoth returns a both that nothing was written to.
func newBoth() *both { return bothOn(twoLanes) }

func bothOn(lanes bool) *both {
	b := &both{state: begin1}
	if !lanes {
		b.single = sha1.New()
	}
	return b
}

// Reset forgets what was written.
func (b *both) Reset() {
	b.state, b.length = begin1, 0
	if b.single != nil {
		b.single.Reset()
	}
}

// Write adds a part to the input and returns its SHA-256. Parts whose length
// is a multiple of 64 are what it is made for.
func (b *both) Write(part []byte) [sha256.Size]byte {
	if b.single != nil || b.length%blockLen != 0 {
		b.write1(part)
		return sha256.Sum256(part)
	}
	n := len(part) / blockLen * blockLen
	state := begin256[0]
	bothInto(&b.state[0], &state, part[:n])
	b.length += uint64(n)
	b.write1(part[n:])
	var end [2 * blockLen]byte
	copy(end[:], part[n:])
	unused := begin1[0]
	bothInto(&unused, &state, end[:padding(&end, uint64(len(part)))*blockLen])
	return state.sum()
}

// write1 adds a part to the input of which no SHA-256 is wanted. It is a little
// slower than crypto/sha1.
func (b *both) write1(part []byte) {
	if b.single != nil {
		b.single.Write(part)
		return
	}
	rest := int(b.length % blockLen)
	b.length += uint64(len(part))
	if rest > 0 {
		n := copy(b.rest[rest:blockLen], part)
		part = part[n:]
		if rest+n < blockLen {
			return
		}
		pairInto(&b.state, b.rest[:], b.rest[:], 1)
	}
	n := len(part) / blockLen
	pairInto(&b.state, part, part, n)
	copy(b.rest[:], part[n*blockLen:])
}

// Sum returns the SHA-1 of the input. Only Reset may follow.
func (b *both) Sum() (sum [sha1.Size]byte) {
	if b.single != nil {
		return [sha1.Size]byte(b.single.Sum(nil))
	}
	n := padding(&b.rest, b.length)
	pairInto(&b.state, b.rest[:], b.rest[:], n)
	return b.state[0].sum()
}

// bothInto takes data, which is whole blocks, into both states.
func bothInto(h1 *state1, h256 *state256, data []byte) {
	for len(data) > 0 {
		n := min(len(data)/blockLen, maxRun)
		bothBlocks(h1, h256, &data[0], n)
		data = data[n*blockLen:]
	}
}
