package drive

import (
	"net/netip"
	"strconv"

	"p2pfs/swarm/catalog"
)

// Extension is the name under which the members' messages are offered in the
// extended handshake (BEP 10).
const Extension = "p2pfs"

// Version is the version of the protocol that hello tells.
const Version = 2

// Bounds on messages.
const (
	maxMessage   = 256 << 10 // body of a message, bytes
	maxVersions  = 2000      // of a summary message
	maxHeads     = 64        // of a heads message
	maxHashes    = 64        // of a get or none message
	maxHolders   = 64        // of a holds message
	maxAddresses = 32        // of a peers message
	maxBits      = 128 << 10 // bitfields of a holds message, bytes
)

// The messages, by their "t". Each encodes itself as a bencoded dictionary.
type message interface{ encode() []byte }

type (
	// prove is the dialler's first message: see proof.go.
	prove struct {
		version int
		mac     [32]byte
	}
	// hello tells who its sender is. It is signed by the member key and proves
	// the drive key: see proof.go. Of version 1 there are the name, the port and
	// the signature only.
	hello struct {
		version int
		key     catalog.Key
		name    string
		port    uint16 // its listen port; 0: does not listen
		sig     [64]byte
		mac     [32]byte
		clock   int64 // the time, in seconds of Unix time
		began   int64 // when this member's process began, in microseconds of Unix time
		moved   bool  // its key was made on another machine
	}
	// summary tells which heads its sender has. more: another one follows.
	summary struct {
		versions []catalog.Version
		more     bool
	}
	// heads carries heads as BEP 44 items, one behind the other, and what its
	// sender says of each one's author; told may be empty: nothing.
	heads struct {
		heads []catalog.Head
		told  []catalog.Told
	}
	// get asks for objects; each is answered by an object or stands in a none.
	get struct{ hashes []catalog.Hash }
	// none tells which objects its sender does not have.
	none struct{ hashes []catalog.Hash }
	// object is one.
	object struct{ data []byte }
	// who asks who has a file.
	who struct{ file Content }
	// holds answers who, also when nobody is known.
	holds struct {
		file    Content
		holders []holding
	}
	// peers passes on members' listen addresses that the sender has verified.
	peers struct{ members []address }
)

// holding is a holder as it is told: no address means the sender himself.
type holding struct {
	addr   netip.AddrPort
	key    catalog.Key // zero: not known, or the sender
	pieces Pieces
}

// address is where a member listens.
type address struct {
	key  catalog.Key
	addr netip.AddrPort
}

// Pieces tells which pieces of a file its holder has.
type Pieces struct {
	All  bool
	Bits []byte // else a bitfield as in BEP 3: piece 0 is the high bit of the first byte
}

// useful reports whether there is any piece at all.
func (p Pieces) useful() bool {
	for _, b := range p.Bits {
		if b != 0 {
			return true
		}
	}
	return p.All
}

func (m prove) encode() []byte {
	b := appendBytes([]byte("d1:m"), m.mac[:])
	return append(appendInt(append(b, "1:t5:prove1:v"...), m.version), 'e')
}

func (m hello) encode() []byte {
	b := []byte{'d'}
	if m.version > 1 {
		b = appendInt(append(b, "1:b"...), m.began)
		b = appendInt(append(b, "1:c"...), m.clock)
		if m.moved {
			b = append(b, "1:fi1e"...)
		}
	}
	b = appendBytes(append(b, "1:k"...), m.key[:])
	if m.version > 1 {
		b = appendBytes(append(b, "1:m"...), m.mac[:])
	}
	b = appendString(append(b, "1:n"...), m.name)
	b = appendInt(append(b, "1:p"...), int(m.port))
	b = appendBytes(append(b, "1:s"...), m.sig[:])
	b = appendInt(append(b, "1:t5:hello1:v"...), m.version)
	return append(b, 'e')
}

func (m summary) encode() []byte {
	list := make([]byte, 0, len(m.versions)*versionLen)
	for _, v := range m.versions {
		list = appendVersion(list, v)
	}
	b := appendBytes([]byte("d1:h"), list)
	if m.more {
		b = append(b, "1:mi1e"...)
	}
	return append(b, "1:t7:summarye"...)
}

func (m heads) encode() []byte {
	b := []byte{'d'}
	if len(m.told) > 0 {
		list := make([]byte, 0, len(m.told)*ageLen)
		for _, t := range m.told {
			list = appendAge(list, t.Age, t.Met)
		}
		b = appendBytes(append(b, "1:a"...), list)
	}
	b = append(b, "1:hl"...)
	for i := range m.heads {
		b = m.heads[i].Append(b)
	}
	return append(b, "e1:t5:headse"...)
}

func (m get) encode() []byte  { return encodeHashes(m.hashes, "1:t3:gete") }
func (m none) encode() []byte { return encodeHashes(m.hashes, "1:t4:nonee") }

func encodeHashes(hashes []catalog.Hash, tail string) []byte {
	b := []byte("d1:h")
	b = strconv.AppendInt(b, int64(len(hashes)*len(catalog.Hash{})), 10)
	b = append(b, ':')
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return append(b, tail...)
}

func (m object) encode() []byte {
	b := make([]byte, 0, len(m.data)+32)
	b = appendBytes(append(b, "d1:d"...), m.data)
	return append(b, "1:t6:objecte"...)
}

func (m who) encode() []byte {
	return append(appendContent([]byte("d"), m.file), "1:t3:whoe"...)
}

func (m holds) encode() []byte {
	b := []byte("d1:hl")
	for _, h := range m.holders {
		b = append(b, 'd')
		if h.addr.IsValid() {
			b = appendBytes(append(b, "1:a"...), appendAddr(nil, h.addr))
		}
		if !h.pieces.All {
			b = appendBytes(append(b, "1:b"...), h.pieces.Bits)
		}
		if h.key != (catalog.Key{}) {
			b = appendBytes(append(b, "1:k"...), h.key[:])
		}
		b = append(b, 'e')
	}
	b = appendContent(append(b, 'e'), m.file)
	return append(b, "1:t5:holdse"...)
}

func (m peers) encode() []byte {
	b := []byte("d1:al")
	for _, a := range m.members {
		b = appendBytes(b, appendAddr(append([]byte(nil), a.key[:]...), a.addr))
	}
	return append(b, "e1:t5:peerse"...)
}

// appendAddr appends an address in the compact form of BEP 5 and 32: 4 or 16
// bytes, then the port.
func appendAddr(b []byte, a netip.AddrPort) []byte {
	b = append(b, a.Addr().Unmap().AsSlice()...)
	return append(b, byte(a.Port()>>8), byte(a.Port()))
}

func appendInt[T int | int64](b []byte, n T) []byte {
	return append(strconv.AppendInt(append(b, 'i'), int64(n), 10), 'e')
}

func appendString(b []byte, s string) []byte {
	b = append(strconv.AppendInt(b, int64(len(s)), 10), ':')
	return append(b, s...)
}

func appendBytes(b, s []byte) []byte {
	b = append(strconv.AppendInt(b, int64(len(s)), 10), ':')
	return append(b, s...)
}
