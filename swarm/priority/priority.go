// Package priority is the canonical peer priority (BEP 40): a number that both
// ends of a connection agree on, and that nobody can choose without choosing
// his address. Dialling the highest first spreads connections over a swarm and
// over networks. It is one pure function.
package priority

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Of returns the priority of the connection between two peers, in either
// order; higher is better. It is 0 where one address is IPv4 and the other
// IPv6, which no connection has. Ports count between equal addresses only:
// they are those listened on.
func Of(a, b netip.AddrPort) uint32 {
	x, y := a.Addr().Unmap(), b.Addr().Unmap()
	if x.BitLen() != y.BitLen() {
		return 0
	}
	if x.WithZone("") == y.WithZone("") {
		buf := binary.BigEndian.AppendUint16(nil, min(a.Port(), b.Port()))
		return crc32.Checksum(binary.BigEndian.AppendUint16(buf, max(a.Port(), b.Port())), castagnoli)
	}
	p, q := x.AsSlice(), y.AsSlice()
	mask(p, q)
	if bytes.Compare(p, q) > 0 {
		p, q = q, p
	}
	return crc32.Checksum(append(p, q...), castagnoli)
}

// mask blurs what lies behind the networks of two addresses: of IPv4 from the
// /16 on, of IPv6 from the /48 on, and where they share that network, a byte
// more for each further byte they share.
func mask(p, q []byte) {
	whole := 2
	if len(p) == 16 {
		whole = 6
	}
	for whole < len(p) && bytes.Equal(p[:whole], q[:whole]) {
		whole++
	}
	for i := whole; i < len(p); i++ {
		p[i] &= 0x55
		q[i] &= 0x55
	}
}
