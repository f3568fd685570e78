package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"net/netip"
)

// slotLen is how long a time slot lasts, in seconds. A connection id is good in
// its slot and the next: from one to two minutes. (BEP 15: a client uses it for
// one minute.)
const slotLen = 60

// ids holds the secret of one start of the server: ids do not outlive it.
type ids struct{ secret [32]byte }

func newIDs() (s ids) {
	rand.Read(s.secret[:])
	return s
}

// A signer makes and checks connection ids. It belongs to one goroutine.
type signer struct {
	mac hash.Hash
	buf [sha256.Size]byte
}

func (s ids) signer() *signer { return &signer{mac: hmac.New(sha256.New, s.secret[:])} }

// id is the connection id of an address in a time slot: the slot, then 32 bits
// of HMAC-SHA-256 over address and slot.
func (s *signer) id(from netip.Addr, slot uint32) uint64 {
	a := from.As16()
	in := binary.BigEndian.AppendUint32(append(s.buf[:0], a[:]...), slot)
	s.mac.Reset()
	s.mac.Write(in)
	sum := s.mac.Sum(s.buf[:0])
	return uint64(slot)<<32 | uint64(binary.BigEndian.Uint32(sum))
}

// issue returns the id for an address at a time in seconds.
func (s *signer) issue(from netip.Addr, now uint32) uint64 { return s.id(from, now/slotLen) }

// good reports whether an id was issued to an address and has not expired.
func (s *signer) good(id uint64, from netip.Addr, now uint32) bool {
	slot, current := uint32(id>>32), now/slotLen
	if slot != current && slot+1 != current {
		return false
	}
	want := s.id(from, slot)
	return subtle.ConstantTimeEq(int32(uint32(id)), int32(uint32(want))) == 1
}
