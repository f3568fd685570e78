package lru

import "testing"

func TestMap(t *testing.T) {
	l := New[int, string](10)
	for i := range 5 {
		l.Put(i, "x", 2)
	}
	l.Get(0)
	l.Put(5, "y", 2)
	if _, ok := l.Get(1); ok {
		t.Error("the least recently used is still there")
	}
	if _, ok := l.Get(0); !ok {
		t.Error("the recently used is gone")
	}
	l.Put(6, "z", 11)
	if _, ok := l.Get(6); ok || l.used != 10 {
		t.Errorf("too large a value was taken: %d used", l.used)
	}
	l.Put(0, "w", 9)
	if v, ok := l.Get(0); !ok || v != "w" || l.used != 9 || len(l.items) != 1 {
		t.Errorf("replaced: got %q %v, %d used by %d", v, ok, l.used, len(l.items))
	}
	l.Remove(0)
	l.Remove(0)
	if l.used != 0 || l.order.Len() != 0 {
		t.Errorf("%d used after all was removed", l.used)
	}
}
