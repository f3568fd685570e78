package wire

import (
	"crypto/sha1"
	"encoding/binary"
	"net/netip"
	"slices"
)

// AllowedFastSet returns k pieces of a torrent of the given number that the
// peer at ip may ask for while it is choked, by the canonical algorithm of
// BEP 6. With k of at least that number it is all of them. BEP 6 covers IPv4
// only: nil for other addresses.
func AllowedFastSet(ip netip.Addr, infoHash [20]byte, pieces, k int) []int {
	ip = ip.Unmap()
	if !ip.Is4() || pieces <= 0 || k <= 0 {
		return nil
	}
	set := make([]int, 0, min(k, pieces))
	if k >= pieces {
		for i := range pieces {
			set = append(set, i)
		}
		return set
	}
	a := ip.As4()
	a[3] = 0
	x := sha1.Sum(append(a[:], infoHash[:]...))
	for {
		for j := 0; j < len(x); j += 4 {
			index := int(binary.BigEndian.Uint32(x[j:]) % uint32(pieces))
			if !slices.Contains(set, index) {
				set = append(set, index)
			}
			if len(set) == k {
				return set
			}
		}
		x = sha1.Sum(x[:])
	}
}
