package state

import (
	"encoding/binary"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/catalog/union"
	"strings"

	"go.etcd.io/bbolt"
)

// claimTable is the claims of all authors, and the time by which they count.
type claimTable struct {
	pace     *pace
	roster   *Roster
	next     uint64 // the time, of which each head that is shown takes one
	n        int
	log      union.ClaimLog
	clearing []clearing
}

// tick returns a time that no other has.
func (c *claimTable) tick() uint64 {
	c.next++
	return c.next - 1
}

// maxClaims bounds how many claims are kept.
const maxClaims = 1 << 20

// add notes that an author has a path since a time that began just now.
func (c *claimTable) add(a *author, path string, since uint64) {
	k := union.ClaimKeyOf(a.key, path)
	n := a.claims.Len()
	a.claims = a.claims.Set(k, since)
	c.n += a.claims.Len() - n
	value := binary.BigEndian.AppendUint64(append(make([]byte, 0, len(a.key)+8), a.key[:]...), since)
	c.roster.store.Put(func(b *store.Batch) { b.Claims[k] = value })
	c.log.Add(strings.TrimSuffix(path, "/"))
}

// crowd returns, where there are too many claims, the author with the most: he
// is to have all his names since now. Else nil.
func (c *claimTable) crowd() (most *author) {
	if c.n <= maxClaims {
		return nil
	}
	for _, a := range c.roster.authors {
		if most == nil || a.claims.Len() > most.claims.Len() {
			most = a
		}
	}
	c.pace.spend(len(c.roster.authors) / 16)
	return most
}

// renew makes an author have all his names since now: no other loses one to
// him.
func (c *claimTable) renew(a *author) {
	c.drop(a)
	a.order = c.tick()
	c.roster.save(a)
}

func (c *claimTable) drop(a *author) {
	if a.claims.Len() > 0 {
		c.clearing = append(c.clearing, clearing{a, a.claims.Root})
		c.n -= a.claims.Len()
		a.claims = nil
	}
}

// clearing is claims that were dropped and are still on disk.
type clearing struct {
	a *author
	n *union.ClaimNode
}

// clear deletes a dropped claim from disk. False if there is none.
func (c *claimTable) clear() bool {
	if len(c.clearing) == 0 {
		return false
	}
	c.pace.spend(1)
	last := c.clearing[len(c.clearing)-1]
	c.clearing = c.clearing[:len(c.clearing)-1]
	switch {
	case last.n.Kids != nil:
		for _, kid := range last.n.Kids {
			if kid != nil {
				c.clearing = append(c.clearing, clearing{last.a, kid})
			}
		}
	case last.a.claims.Get(last.n.Key) == 0: // not made again since
		c.roster.store.Put(func(b *store.Batch) { b.Claims[last.n.Key] = nil })
	}
	return true
}

// load takes in the claims from disk, when the authors are there.
func (c *claimTable) load(tx *bbolt.Tx) error {
	for _, a := range c.roster.authors {
		c.next = max(c.next, a.order+1)
	}
	return store.EachSealed(tx, store.BucketClaims, func(k, v []byte) error {
		if len(k) == len(store.ClaimKey{}) {
			c.read(store.ClaimKey(k), v)
		}
		return nil
	})
}

// read takes in a claim from disk. Those of a version that kept them by path
// alone cannot be told apart by author: they are dropped, and names that several
// members have may pass to who was shown first.
func (c *claimTable) read(k store.ClaimKey, value []byte) {
	var a *author
	since := uint64(0)
	if n := len(catalog.Key{}); len(value) == n+8 {
		a, since = c.roster.authors[catalog.Key(value[:n])], binary.BigEndian.Uint64(value[n:])
	}
	if a == nil || a.shown == nil || since <= a.order {
		c.roster.store.Put(func(b *store.Batch) { b.Claims[k] = nil })
		return
	}
	a.claims = a.claims.Set(k, since)
	c.n++
	c.next = max(c.next, since+1)
}
