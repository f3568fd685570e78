// Package lru is a map of bounded weight that forgets what was longest not
// asked for. It is not safe for concurrent use.
package lru

import "container/list"

// Map keeps values up to a sum of weights.
type Map[K comparable, V any] struct {
	limit, used int
	order       list.List // of item, the latest used in front
	items       map[K]*list.Element
}

type item[K comparable, V any] struct {
	key    K
	value  V
	weight int
}

// New returns an empty Map that keeps values of up to limit in all.
func New[K comparable, V any](limit int) *Map[K, V] {
	return &Map[K, V]{limit: limit, items: make(map[K]*list.Element)}
}

// Get returns the value of k, and whether there is one, which counts as a use.
func (m *Map[K, V]) Get(k K) (v V, ok bool) {
	e, ok := m.items[k]
	if !ok {
		return v, false
	}
	m.order.MoveToFront(e)
	return e.Value.(item[K, V]).value, true
}

// Put sets the value of k. One that is heavier than the limit is not kept, and
// the one before it is forgotten all the same.
func (m *Map[K, V]) Put(k K, v V, weight int) {
	m.Remove(k)
	if weight > m.limit {
		return
	}
	m.items[k] = m.order.PushFront(item[K, V]{k, v, weight})
	m.used += weight
	for m.used > m.limit {
		m.Remove(m.order.Back().Value.(item[K, V]).key)
	}
}

// Remove forgets the value of k, if there is one.
func (m *Map[K, V]) Remove(k K) {
	if e, ok := m.items[k]; ok {
		delete(m.items, k)
		m.used -= m.order.Remove(e).(item[K, V]).weight
	}
}
