package catalog

import (
	"encoding/binary"
	"strings"
)

// maxClaims bounds how many claims are kept.
const maxClaims = 1 << 20

// claim notes that an author has a path since a time that began just now.
func (s *State) claim(a *author, path string, since uint64) {
	k := claimKeyOf(a.key, path)
	n := a.claims.len()
	a.claims = a.claims.set(k, since)
	s.claimed += a.claims.len() - n
	value := binary.BigEndian.AppendUint64(append(make([]byte, 0, len(a.key)+8), a.key[:]...), since)
	s.store.put(func(b *batch) { b.claims[k] = value })
	s.claimLog.add(strings.TrimSuffix(path, "/"))
	if s.claimed > maxClaims {
		s.forgetClaims()
	}
}

// forgetClaims makes room: the author with the most claims has all his names
// since now.
func (s *State) forgetClaims() {
	var most *author
	for _, a := range s.authors {
		if most == nil || a.claims.len() > most.claims.len() {
			most = a
		}
	}
	s.spend(len(s.authors) / 16)
	s.renew(most)
	if most.shown != nil {
		s.place(most)
	}
}

// renew makes an author have all his names since now: no other loses one to
// him.
func (s *State) renew(a *author) {
	s.dropClaims(a)
	a.order = s.nextOrder
	s.nextOrder++
	s.saveAuthor(a)
}

func (s *State) dropClaims(a *author) {
	if a.claims.len() > 0 {
		s.clearing = append(s.clearing, clearing{a, a.claims.root})
		s.claimed -= a.claims.len()
		a.claims = nil
	}
}

// clearing is claims that were dropped and are still on disk.
type clearing struct {
	a *author
	n *claimNode
}

// clearOne deletes a dropped claim from disk. False if there is none.
func (s *State) clearOne() bool {
	if len(s.clearing) == 0 {
		return false
	}
	s.spend(1)
	c := s.clearing[len(s.clearing)-1]
	s.clearing = s.clearing[:len(s.clearing)-1]
	switch {
	case c.n.kids != nil:
		for _, kid := range c.n.kids {
			if kid != nil {
				s.clearing = append(s.clearing, clearing{c.a, kid})
			}
		}
	case c.a.claims.get(c.n.key) == 0: // not made again since
		s.store.put(func(b *batch) { b.claims[c.n.key] = nil })
	}
	return true
}

// readClaim takes in a claim from disk. Those of a version that kept them by
// path alone cannot be told apart by author: they are dropped, and names that
// several members have may pass to who was shown first.
func (s *State) readClaim(k claimKey, value []byte) {
	var a *author
	since := uint64(0)
	if n := len(Key{}); len(value) == n+8 {
		a, since = s.authors[Key(value[:n])], binary.BigEndian.Uint64(value[n:])
	}
	if a == nil || a.shown == nil || since <= a.order {
		s.store.put(func(b *batch) { b.claims[k] = nil })
		return
	}
	a.claims = a.claims.set(k, since)
	s.claimed++
	s.nextOrder = max(s.nextOrder, since+1)
}
