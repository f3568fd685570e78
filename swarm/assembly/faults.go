package assembly

import "p2pfs/swarm/hashing"

const (
	// freeFaults, and one in faultShare of its blocks, are how often the only peer
	// that has a piece may send what does not verify before it is banned all the
	// same;
	freeFaults = 8
	faultShare = 8
	// freeFalse is how many bytes of that.
	freeFalse = 8 << 20
)

// Faults is what a peer sent that did not verify while nobody else had it.
type Faults struct {
	Times int
	Bytes int64
}

// TooMany reports whether a peer that has sent so many blocks is to be given up.
func (f Faults) TooMany(blocks int) bool {
	got := int64(blocks) * hashing.BlockSize
	return f.Times > freeFaults+blocks/faultShare || f.Bytes > freeFalse+got/2
}

// Add counts n bytes that did not verify.
func (f *Faults) Add(n int64) {
	f.Times++
	f.Bytes += n
}
