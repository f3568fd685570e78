package share

import "container/list"

// lru is a map with a bound on the sum of its values' sizes; the least
// recently used go first. Not safe for concurrent use.
type lru[K comparable, V any] struct {
	limit, used int
	order       *list.List // of item, most recently used in front
	items       map[K]*list.Element
}

type item[K comparable, V any] struct {
	key  K
	val  V
	size int
}

func newLRU[K comparable, V any](limit int) *lru[K, V] {
	return &lru[K, V]{limit: limit, order: list.New(), items: make(map[K]*list.Element)}
}

func (l *lru[K, V]) get(k K) (v V, ok bool) {
	e, ok := l.items[k]
	if !ok {
		return v, false
	}
	l.order.MoveToFront(e)
	return e.Value.(item[K, V]).val, true
}

// put adds or replaces. What is larger than the limit is not kept.
func (l *lru[K, V]) put(k K, v V, size int) {
	l.remove(k)
	if size > l.limit {
		return
	}
	l.items[k] = l.order.PushFront(item[K, V]{k, v, size})
	l.used += size
	for l.used > l.limit {
		l.remove(l.order.Back().Value.(item[K, V]).key)
	}
}

func (l *lru[K, V]) remove(k K) {
	if e, ok := l.items[k]; ok {
		delete(l.items, k)
		l.used -= l.order.Remove(e).(item[K, V]).size
	}
}
