package catalog

import (
	"encoding/binary"
	"strings"

	"go.etcd.io/bbolt"
)

// claimTable is the claims of all authors, and the time by which they count.
type claimTable struct {
	pace     *pace
	roster   *Roster
	next     uint64 // the time, of which each head that is shown takes one
	n        int
	log      claimLog
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
	k := claimKeyOf(a.key, path)
	n := a.claims.len()
	a.claims = a.claims.set(k, since)
	c.n += a.claims.len() - n
	value := binary.BigEndian.AppendUint64(append(make([]byte, 0, len(a.key)+8), a.key[:]...), since)
	c.roster.store.put(func(b *batch) { b.claims[k] = value })
	c.log.add(strings.TrimSuffix(path, "/"))
}

// crowd returns, where there are too many claims, the author with the most: he
// is to have all his names since now. Else nil.
func (c *claimTable) crowd() (most *author) {
	if c.n <= maxClaims {
		return nil
	}
	for _, a := range c.roster.authors {
		if most == nil || a.claims.len() > most.claims.len() {
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
	if a.claims.len() > 0 {
		c.clearing = append(c.clearing, clearing{a, a.claims.root})
		c.n -= a.claims.len()
		a.claims = nil
	}
}

// clearing is claims that were dropped and are still on disk.
type clearing struct {
	a *author
	n *claimNode
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
	case last.n.kids != nil:
		for _, kid := range last.n.kids {
			if kid != nil {
				c.clearing = append(c.clearing, clearing{last.a, kid})
			}
		}
	case last.a.claims.get(last.n.key) == 0: // not made again since
		c.roster.store.put(func(b *batch) { b.claims[last.n.key] = nil })
	}
	return true
}

// load takes in the claims from disk, when the authors are there.
func (c *claimTable) load(tx *bbolt.Tx) error {
	for _, a := range c.roster.authors {
		c.next = max(c.next, a.order+1)
	}
	return eachSealed(tx, bucketClaims, func(k, v []byte) error {
		if len(k) == len(claimKey{}) {
			c.read(claimKey(k), v)
		}
		return nil
	})
}

// read takes in a claim from disk. Those of a version that kept them by path
// alone cannot be told apart by author: they are dropped, and names that several
// members have may pass to who was shown first.
func (c *claimTable) read(k claimKey, value []byte) {
	var a *author
	since := uint64(0)
	if n := len(Key{}); len(value) == n+8 {
		a, since = c.roster.authors[Key(value[:n])], binary.BigEndian.Uint64(value[n:])
	}
	if a == nil || a.shown == nil || since <= a.order {
		c.roster.store.put(func(b *batch) { b.claims[k] = nil })
		return
	}
	a.claims = a.claims.set(k, since)
	c.n++
	c.next = max(c.next, since+1)
}
