package message

import (
	"net/netip"
	"strconv"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/hashing"
)

func (m Prove) Encode() []byte {
	b := bencode.AppendString([]byte("d1:m"), m.MAC[:])
	return append(bencode.AppendInt(append(b, "1:t5:prove1:v"...), m.Version), 'e')
}

func (m Hello) Encode() []byte {
	b := []byte{'d'}
	if m.Version > 1 {
		b = bencode.AppendInt(append(b, "1:b"...), m.Began)
		b = bencode.AppendInt(append(b, "1:c"...), m.Clock)
		if m.Moved {
			b = append(b, "1:fi1e"...)
		}
	}
	b = bencode.AppendString(append(b, "1:k"...), m.Key[:])
	if m.Version > 1 {
		b = bencode.AppendString(append(b, "1:m"...), m.MAC[:])
	}
	b = bencode.AppendString(append(b, "1:n"...), m.Name)
	b = bencode.AppendInt(append(b, "1:p"...), int(m.Port))
	b = bencode.AppendString(append(b, "1:s"...), m.Sig[:])
	b = bencode.AppendInt(append(b, "1:t5:hello1:v"...), m.Version)
	return append(b, 'e')
}

func (m Summary) Encode() []byte {
	list := make([]byte, 0, len(m.Versions)*versionLen)
	for _, v := range m.Versions {
		list = appendVersion(list, v)
	}
	b := bencode.AppendString([]byte("d1:h"), list)
	if m.More {
		b = append(b, "1:mi1e"...)
	}
	return append(b, "1:t7:summarye"...)
}

func (m Heads) Encode() []byte {
	b := []byte{'d'}
	if len(m.Told) > 0 {
		list := make([]byte, 0, len(m.Told)*ageLen)
		for _, t := range m.Told {
			list = appendAge(list, t.Age, t.Met)
		}
		b = bencode.AppendString(append(b, "1:a"...), list)
	}
	b = append(b, "1:hl"...)
	for i := range m.Heads {
		b = m.Heads[i].Append(b)
	}
	return append(b, "e1:t5:headse"...)
}

func (m Get) Encode() []byte  { return encodeHashes(m.Hashes, "1:t3:gete") }
func (m None) Encode() []byte { return encodeHashes(m.Hashes, "1:t4:nonee") }

func encodeHashes(hashes []catalog.Hash, tail string) []byte {
	b := []byte("d1:h")
	b = strconv.AppendInt(b, int64(len(hashes)*len(catalog.Hash{})), 10)
	b = append(b, ':')
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return append(b, tail...)
}

func (m Object) Encode() []byte {
	b := make([]byte, 0, len(m.Data)+32)
	b = bencode.AppendString(append(b, "d1:d"...), m.Data)
	return append(b, "1:t6:objecte"...)
}

func (m Who) Encode() []byte {
	return append(appendContent([]byte("d"), m.File), "1:t3:whoe"...)
}

func (m Holds) Encode() []byte {
	b := []byte("d1:hl")
	for _, h := range m.Holders {
		b = append(b, 'd')
		if h.Addr.IsValid() {
			b = bencode.AppendString(append(b, "1:a"...), appendAddr(nil, h.Addr))
		}
		if !h.Pieces.All {
			b = bencode.AppendString(append(b, "1:b"...), h.Pieces.Bits)
		}
		if h.Member != (catalog.Key{}) {
			b = bencode.AppendString(append(b, "1:k"...), h.Member[:])
		}
		b = append(b, 'e')
	}
	b = appendContent(append(b, 'e'), m.File)
	return append(b, "1:t5:holdse"...)
}

func (m Peers) Encode() []byte {
	b := []byte("d1:al")
	for _, a := range m.Members {
		b = bencode.AppendString(b, appendAddr(append([]byte(nil), a.Key[:]...), a.Addr))
	}
	return append(b, "e1:t5:peerse"...)
}

// appendAddr appends an address in the compact form of BEP 5 and 32: 4 or 16
// bytes, then the port.
func appendAddr(b []byte, a netip.AddrPort) []byte {
	b = append(b, a.Addr().Unmap().AsSlice()...)
	return append(b, byte(a.Port()>>8), byte(a.Port()))
}

// appendContent appends the keys that content reads.
func appendContent(b []byte, c hashing.Content) []byte {
	b = bencode.AppendString(append(b, "1:r"...), c.Root[:])
	return bencode.AppendInt(append(b, "1:s"...), c.Size)
}
