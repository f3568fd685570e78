package pex

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"p2pfs/swarm/bencode"
)

// Reasons for which a message is refused, to be told apart with errors.Is.
var (
	// ErrSyntax is a body that is not one bencoded dictionary of strings.
	ErrSyntax = errors.New("not a ut_pex message")
	// ErrLength is a list of contacts that ends in the middle of one.
	ErrLength = errors.New("list of contacts cut short")
)

// Lengths of a contact on the wire.
const (
	len4 = 4 + 2
	len6 = 16 + 2
)

// limits bounds the bencode of a message. Some clients send far more than 50
// contacts at first; what is longer than this serves no swarm. Keys come in
// any order, and there may be more of them.
var limits = bencode.Limits{Bytes: 32 << 10, Tokens: 256, Depth: 8, AllowUnsorted: true}

// fields are the keys of a message.
type fields struct {
	Added   string `bencode:"added"`
	AddedF  string `bencode:"added.f"`
	Added6  string `bencode:"added6"`
	Added6F string `bencode:"added6.f"`
	Drop    string `bencode:"dropped"`
	Drop6   string `bencode:"dropped6"`
}

// Parse reads the body of a ut_pex message. Of each list it takes the first 50
// contacts and leaves out those nobody can dial, those that are repeated, also
// with another port (BEP 11), and those both added and dropped. Flags that are
// missing are 0. An error wraps ErrSyntax or ErrLength.
func Parse(body []byte) (Message, error) {
	var f fields
	if len(body) == 0 || body[0] != 'd' {
		return Message{}, ErrSyntax
	}
	if err := bencode.Unmarshal(body, &f, limits); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	if len(f.Added)%len4 != 0 || len(f.Drop)%len4 != 0 || len(f.Added6)%len6 != 0 || len(f.Drop6)%len6 != 0 {
		return Message{}, ErrLength
	}
	var m Message
	dropped := map[netip.AddrPort]bool{}
	for _, list := range [...]struct {
		s string
		n int
	}{{f.Drop, len4}, {f.Drop6, len6}} {
		for _, a := range contacts(list.s, list.n) {
			if usable(a) && !dropped[a] {
				dropped[a] = true
				m.Dropped = append(m.Dropped, a)
			}
		}
	}
	m.Added = added(added(nil, f.Added, f.AddedF, len4, dropped), f.Added6, f.Added6F, len6, dropped)
	return m, nil
}

// added appends the contacts of one family's list that are of use.
func added(dst []Peer, list, flags string, n int, dropped map[netip.AddrPort]bool) []Peer {
	seen := map[netip.Addr]bool{}
	for i, a := range contacts(list, n) {
		if !usable(a) || dropped[a] || seen[a.Addr()] {
			continue
		}
		seen[a.Addr()] = true
		p := Peer{Addr: a}
		if i < len(flags) {
			p.Flags = Flags(flags[i])
		}
		dst = append(dst, p)
	}
	return dst
}

// contacts reads at most 50 compact contacts of n bytes each.
func contacts(s string, n int) []netip.AddrPort {
	out := make([]netip.AddrPort, 0, min(len(s)/n, MaxEntries))
	for ; len(s) >= n && len(out) < MaxEntries; s = s[n:] {
		ip, _ := netip.AddrFromSlice([]byte(s[:n-2]))
		out = append(out, netip.AddrPortFrom(ip, binary.BigEndian.Uint16([]byte(s[n-2:n]))))
	}
	return out
}

// Append appends the body of m to dst. Lists that are empty are left out, and
// so are contacts that nobody could dial.
func Append(dst []byte, m Message) []byte {
	var added4, flags4, added6, flags6, drop4, drop6 []byte
	for _, p := range m.Added {
		switch {
		case !usable(p.Addr):
		case p.Addr.Addr().Is4():
			added4, flags4 = appendContact(added4, p.Addr), append(flags4, byte(p.Flags))
		default:
			added6, flags6 = appendContact(added6, p.Addr), append(flags6, byte(p.Flags))
		}
	}
	for _, a := range m.Dropped {
		switch {
		case !usable(a):
		case a.Addr().Is4():
			drop4 = appendContact(drop4, a)
		default:
			drop6 = appendContact(drop6, a)
		}
	}
	dst = append(dst, 'd')
	for _, f := range [...]struct {
		key   string
		value []byte
	}{{"added", added4}, {"added.f", flags4}, {"added6", added6}, {"added6.f", flags6}, {"dropped", drop4}, {"dropped6", drop6}} {
		if len(f.value) > 0 {
			dst = bencode.AppendString(bencode.AppendString(dst, f.key), f.value)
		}
	}
	return append(dst, 'e')
}

func appendContact(dst []byte, a netip.AddrPort) []byte {
	return binary.BigEndian.AppendUint16(append(dst, a.Addr().AsSlice()...), a.Port())
}
