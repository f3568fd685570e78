package wire

import (
	"encoding/binary"
	"math/bits"

	"github.com/bits-and-blooms/bitset"
)

// BitfieldLen returns the length of the bitfield of n pieces in bytes.
func BitfieldLen(n int) int { return n/8 + (n%8+7)/8 }

// AppendBitfield appends a bitfield message for n pieces (BEP 3). Bits of set
// behind n are left out; a nil set is an empty one.
func AppendBitfield(dst []byte, set *bitset.BitSet, n int) []byte {
	size := BitfieldLen(n)
	dst = AppendHeader(dst, MsgBitfield, size)
	var words []uint64
	if set != nil {
		words = set.Words()
	}
	end := len(dst) + size
	for i := 0; len(dst) < end; i++ {
		var w uint64
		if i < len(words) {
			w = words[i]
		}
		if left := n - 64*i; left < 64 {
			w &= 1<<uint(left) - 1
		}
		var be [8]byte
		binary.BigEndian.PutUint64(be[:], bits.Reverse64(w))
		dst = append(dst, be[:min(8, end-len(dst))]...)
	}
	return dst
}

// ParseBitfield reads the bitfield of a torrent of n pieces: ErrLength if it
// is not as long as n asks, ErrSpareBits if bits behind the last piece are
// set (BEP 3). While n is not known, keep the payload and parse it later.
func ParseBitfield(p []byte, n int) (*bitset.BitSet, error) {
	if n < 0 || len(p) != BitfieldLen(n) {
		return nil, bad(MsgBitfield, p, ErrLength)
	}
	if n%8 != 0 && p[len(p)-1]<<(n%8) != 0 {
		return nil, bad(MsgBitfield, p, ErrSpareBits)
	}
	words := make([]uint64, (n+63)/64)
	for i := range words {
		var be [8]byte
		copy(be[:], p[8*i:])
		words[i] = bits.Reverse64(binary.BigEndian.Uint64(be[:]))
	}
	return bitset.FromWithLength(uint(n), words), nil
}
