package message

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"p2pfs/swarm/bencode"
	"p2pfs/swarm/catalog"
)

// ageLen is the length of an author's age: seconds since he was last connected to
// anybody, in 32 bits, of which the first says that he was to the sender.
const ageLen = 4

const metBit = 1 << 31

func appendAge(b []byte, age time.Duration, met bool) []byte {
	n := uint32(min(max(age/time.Second, 0), metBit-1))
	if met {
		n |= metBit
	}
	return binary.BigEndian.AppendUint32(b, n)
}

func parseAge(b []byte) (age time.Duration, met bool) {
	n := binary.BigEndian.Uint32(b)
	return time.Duration(n&^metBit) * time.Second, n&metBit != 0
}

// versionLen is the length of one author in a summary: key, seq and age.
const versionLen = len(catalog.Key{}) + 8 + ageLen

func appendVersion(b []byte, v catalog.Version) []byte {
	b = binary.BigEndian.AppendUint64(append(b, v.Key[:]...), uint64(v.Seq))
	return appendAge(b, v.Age, false)
}

// Decode reads the body of a p2pfs message. A nil message without an error is
// one of a type unknown here, to be skipped. Errors wrap ErrMalformed. Nothing of
// body is kept.
func Decode(body []byte) (Message, error) {
	m, err := decodeAny(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return m, nil
}

func decodeAny(body []byte) (Message, error) {
	c, err := bencode.NewCursor(body, bencode.Limits{Bytes: MaxBody, Tokens: 4096, Depth: 8})
	if err != nil {
		return nil, err
	}
	f := make(fields)
	err = c.Dict(func(key []byte) error {
		if len(key) == 1 { // others are of later versions
			f[key[0]] = c.Sub()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	t, err := f.bytes('t')
	if err != nil {
		return nil, err
	}
	switch string(t) {
	case "prove":
		return decodeProve(f)
	case "hello":
		return decodeHello(f)
	case "summary":
		return decodeSummary(f)
	case "heads":
		return decodeHeads(f)
	case "get":
		hashes, err := f.hashes('h')
		return Get{hashes}, err
	case "none":
		hashes, err := f.hashes('h')
		return None{hashes}, err
	case "object":
		return decodeObject(f)
	case "who":
		file, err := f.content()
		return Who{file}, err
	case "holds":
		return decodeHolds(f)
	case "peers":
		return decodePeers(f)
	}
	return nil, nil
}

func decodeSummary(f fields) (Message, error) {
	var m Summary
	b, err := f.bytes('h')
	if err != nil {
		return nil, err
	}
	if len(b)%versionLen != 0 || len(b) > MaxVersions*versionLen {
		return nil, fmt.Errorf("summary of %d bytes", len(b))
	}
	for ; len(b) > 0; b = b[versionLen:] {
		seq := binary.BigEndian.Uint64(b[len(catalog.Key{}):])
		if seq > 1<<62 {
			return nil, fmt.Errorf("seq of %d", seq)
		}
		age, _ := parseAge(b[len(catalog.Key{})+8:])
		m.Versions = append(m.Versions, catalog.Version{Key: catalog.Key(b), Seq: int64(seq), Age: age})
	}
	if _, ok := f['m']; ok {
		_, err = f.int('m', 1, 1)
		m.More = true
	}
	return m, err
}

func decodeHeads(f fields) (Message, error) {
	var m Heads
	c, err := f.get('h')
	if err != nil {
		return nil, err
	}
	err = c.List(func() error {
		if len(m.Heads) == MaxHeads {
			return errors.New("too many heads")
		}
		h, err := catalog.ParseHead(c.Raw())
		m.Heads = append(m.Heads, h)
		return err
	})
	if _, ok := f['a']; !ok || err != nil {
		return m, err
	}
	ages, err := f.bytes('a')
	if err == nil && len(ages) != ageLen*len(m.Heads) {
		err = fmt.Errorf("%d bytes of ages for %d heads", len(ages), len(m.Heads))
	}
	for ; err == nil && len(ages) > 0; ages = ages[ageLen:] {
		age, met := parseAge(ages)
		m.Told = append(m.Told, catalog.Told{Age: age, Met: met})
	}
	return m, err
}

func decodeObject(f fields) (Message, error) {
	b, err := f.bytes('d')
	if err == nil && len(b) > catalog.MaxObject {
		err = fmt.Errorf("object of %d bytes", len(b))
	}
	return Object{append([]byte(nil), b...)}, err
}

func decodeHolds(f fields) (Message, error) {
	file, err := f.content()
	if err != nil {
		return nil, err
	}
	c, err := f.get('h')
	if err != nil {
		return nil, err
	}
	m := Holds{File: file}
	bits := 0
	err = c.List(func() error {
		h, err := decodeHolding(c)
		bits += len(h.Pieces.Bits)
		if len(m.Holders) == MaxHolders || bits > MaxBits {
			return errors.New("too many holders")
		}
		m.Holders = append(m.Holders, h)
		return err
	})
	return m, err
}

func decodeHolding(c *bencode.Cursor) (h Holder, err error) {
	h.Pieces.All = true
	err = c.Dict(func(key []byte) error {
		switch string(key) {
		case "a":
			b, err := c.Bytes()
			if err != nil {
				return err
			}
			h.Addr, err = decodeAddr(b)
			return err
		case "b":
			b, err := c.Bytes()
			h.Pieces = Pieces{Bits: append([]byte(nil), b...)}
			return err
		case "k":
			b, err := c.Bytes()
			if err == nil && len(b) != len(h.Member) {
				err = errors.New("key of odd length")
			}
			copy(h.Member[:], b)
			return err
		}
		return nil
	})
	return h, err
}

func decodePeers(f fields) (Message, error) {
	var m Peers
	c, err := f.get('a')
	if err != nil {
		return nil, err
	}
	err = c.List(func() error {
		b, err := c.Bytes()
		if err != nil {
			return err
		}
		const size = len(catalog.Key{})
		if len(m.Members) == MaxAddresses || len(b) < size {
			return errors.New("odd list of members")
		}
		a := Address{Key: catalog.Key(b)}
		a.Addr, err = decodeAddr(b[size:])
		m.Members = append(m.Members, a)
		return err
	})
	return m, err
}

func decodeAddr(b []byte) (netip.AddrPort, error) {
	if len(b) != 6 && len(b) != 18 {
		return netip.AddrPort{}, fmt.Errorf("address of %d bytes", len(b))
	}
	ip, _ := netip.AddrFromSlice(b[:len(b)-2])
	return netip.AddrPortFrom(ip.Unmap(), binary.BigEndian.Uint16(b[len(b)-2:])), nil
}
