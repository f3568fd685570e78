package catalog

import "container/list"

// cacheBytes bounds the decoded objects kept in memory, by the bytes of their
// encodings: the entries of some 130 000 files.
const cacheBytes = 16 << 20

// lru is a map of bounded weight that forgets what was longest not asked for.
// Not safe for concurrent use.
type lru[K comparable, V any] struct {
	limit, used int
	order       list.List // of *lruEntry, latest first
	entries     map[K]*list.Element
}

type lruEntry[K comparable, V any] struct {
	key    K
	value  V
	weight int
}

func newLRU[K comparable, V any](limit int) *lru[K, V] {
	return &lru[K, V]{limit: limit, entries: make(map[K]*list.Element)}
}

// get returns the value of k, or the zero value.
func (c *lru[K, V]) get(k K) (v V) {
	e := c.entries[k]
	if e == nil {
		return v
	}
	c.order.MoveToFront(e)
	return e.Value.(*lruEntry[K, V]).value
}

// add sets the value of k. The newest value stays even if it is too heavy.
func (c *lru[K, V]) add(k K, v V, weight int) {
	c.remove(k)
	c.entries[k] = c.order.PushFront(&lruEntry[K, V]{k, v, weight})
	c.used += weight
	for c.used > c.limit && c.order.Len() > 1 {
		c.remove(c.order.Back().Value.(*lruEntry[K, V]).key)
	}
}

func (c *lru[K, V]) remove(k K) {
	if e := c.entries[k]; e != nil {
		c.used -= c.order.Remove(e).(*lruEntry[K, V]).weight
		delete(c.entries, k)
	}
}
