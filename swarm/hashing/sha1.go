package hashing

import (
	"crypto/sha1"
	"encoding/binary"
	"hash"
)

// state1 is a SHA-1 under way, as the instructions hold it: d c b a, then e
// above three zeros.
type state1 [8]uint32

// begin1 is FIPS 180-4, 5.3.1.
var begin1 = [2]state1{
	{0x10325476, 0x98badcfe, 0xefcdab89, 0x67452301, 7: 0xc3d2e1f0},
	{0x10325476, 0x98badcfe, 0xefcdab89, 0x67452301, 7: 0xc3d2e1f0},
}

func (s *state1) sum() (out [sha1.Size]byte) {
	for i, v := range [...]uint32{s[3], s[2], s[1], s[0], s[7]} {
		binary.BigEndian.PutUint32(out[4*i:], v)
	}
	return out
}

// sum1Pair returns the SHA-1 of a and that of b.
func sum1Pair(a, b []byte) (x, y [sha1.Size]byte) {
	if !twoLanes || len(a) != len(b) {
		return sha1.Sum(a), sha1.Sum(b)
	}
	var p Pair1
	p.Reset()
	p.Write(a, b)
	return p.Sum()
}

// Pair1 computes the SHA-1 of two inputs of one length that come in parts. It
// must be made by NewPair1.
type Pair1 struct {
	state  [2]state1
	rest   [2][2 * blockLen]byte // what does not fill a block yet, and room to pad it
	length uint64                // of each input
	single [2]hash.Hash          // instead, where there are no two lanes
}

// NewPair1 returns a Pair1 that nothing was written to.
func NewPair1() *Pair1 { return newPair1(twoLanes) }

func newPair1(lanes bool) *Pair1 {
	p := &Pair1{}
	if !lanes {
		p.single = [2]hash.Hash{sha1.New(), sha1.New()}
	}
	p.Reset()
	return p
}

// Reset forgets what was written.
func (p *Pair1) Reset() {
	if p.single[0] != nil {
		p.single[0].Reset()
		p.single[1].Reset()
		return
	}
	p.state, p.length = begin1, 0
}

// Write adds a to the first input and b, which must be as long, to the second.
func (p *Pair1) Write(a, b []byte) {
	if len(a) != len(b) {
		panic("hashing: parts of unlike lengths")
	}
	if p.single[0] != nil {
		p.single[0].Write(a)
		p.single[1].Write(b)
		return
	}
	rest := int(p.length % blockLen)
	p.length += uint64(len(a))
	if rest > 0 {
		n := copy(p.rest[0][rest:blockLen], a)
		copy(p.rest[1][rest:blockLen], b)
		a, b = a[n:], b[n:]
		if rest+n < blockLen {
			return
		}
		pairInto(&p.state, p.rest[0][:], p.rest[1][:], 1)
	}
	n := len(a) / blockLen
	pairInto(&p.state, a, b, n)
	copy(p.rest[0][:], a[n*blockLen:])
	copy(p.rest[1][:], b[n*blockLen:])
}

// pairInto takes the first n blocks of a and b into their states.
func pairInto(h *[2]state1, a, b []byte, n int) {
	for n > 0 {
		run := min(n, maxRun)
		sha1Blocks(h, &a[0], &b[0], run)
		n -= run
		a, b = a[run*blockLen:], b[run*blockLen:]
	}
}

// Sum returns the SHA-1 of both inputs. Only Reset may follow.
func (p *Pair1) Sum() (x, y [sha1.Size]byte) {
	if p.single[0] != nil {
		return p.sumSingle()
	}
	n := padding(&p.rest[0], p.length)
	padding(&p.rest[1], p.length)
	pairInto(&p.state, p.rest[0][:], p.rest[1][:], n)
	return p.state[0].sum(), p.state[1].sum()
}

func (p *Pair1) sumSingle() (x, y [sha1.Size]byte) {
	p.single[0].Sum(x[:0])
	p.single[1].Sum(y[:0])
	return x, y
}
