package cache

import (
	"errors"
	"slices"
	"testing"
)

const unit = 64 << 10

// filled returns a store with room for n pieces of unit bytes, and pieces
// 0 to n-1 in it, put in that order.
func filled(t *testing.T, n int, f *faults, onEvict func(Key)) (*Store, []Key) {
	t.Helper()
	s, err := openFaulty(Config{Dir: t.TempDir(), Size: int64(n) * unit, OnEvict: onEvict}, f)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	keys := make([]Key, 2*n)
	for i := range keys {
		k, data := piece('2', uint64(i), unit)
		keys[i] = k
		if i < n {
			put(t, s, k, data)
		}
	}
	return s, keys
}

// present returns the indexes of the keys that s has.
func present(s *Store, keys []Key) (have []int) {
	for i, k := range keys {
		if s.Has(k) {
			have = append(have, i)
		}
	}
	return have
}

func putNth(s *Store, i int) error {
	k, data := piece('2', uint64(i), unit)
	return s.Put(k, blocksOf(data))
}

func TestEvictOrder(t *testing.T) {
	var evicted []Key
	s, keys := filled(t, 4, &faults{}, func(k Key) { evicted = append(evicted, k) })
	_, err := s.ReadAt(keys[0], make([]byte, 1), 0)
	must(t, err)
	must(t, putNth(s, 1)) // there already, but used
	_, err = s.ReadAt(keys[3], make([]byte, 1), 0)
	must(t, err)
	s.Has(keys[2])
	s.Size(keys[2])
	for i := 4; i < 8; i++ {
		must(t, putNth(s, i))
		s.check(t)
	}
	want := []Key{keys[2], keys[0], keys[1], keys[3]}
	if !slices.Equal(evicted, want) {
		t.Errorf("evicted in another order than by last use: got %x, want %x", evicted, want)
	}
	if u := s.Usage(); u.Used != u.Budget || u.Budget != 4*unit || u.Room != 0 {
		t.Errorf("Usage: got %+v, want %d of it used and no room", u, 4*unit)
	}
}

// TestEvictInUse spares the pieces that somebody reads.
func TestEvictInUse(t *testing.T) {
	s, keys := filled(t, 2, &faults{}, nil)
	release, err := use(s, keys[0])
	must(t, err)
	again, err := use(s, keys[0])
	must(t, err)
	must(t, putNth(s, 2))
	must(t, putNth(s, 3))
	release()
	must(t, putNth(s, 2))
	if got := present(s, keys); !slices.Contains(got, 0) {
		t.Errorf("a piece in use was evicted: have %v", got)
	}
	again()
	must(t, putNth(s, 1))
	must(t, putNth(s, 3))
	if got := present(s, keys); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("after release: have %v, want 1 and 3", got)
	}
	s.check(t)
}

func TestPin(t *testing.T) {
	s, keys := filled(t, 3, &faults{}, nil)
	s.Pin(keys[0])
	s.Pin(keys[0])
	s.Pin(keys[4]) // before it is there
	s.Unpin(keys[5])
	for _, i := range []int{3, 4, 5, 2} {
		must(t, putNth(s, i))
		s.check(t)
	}
	if got := present(s, keys); !slices.Equal(got, []int{0, 2, 4}) {
		t.Errorf("have %v, want 0 and 4 pinned", got)
	}
	s.Unpin(keys[0])
	s.Pin(keys[2])
	if err := putNth(s, 3); err != ErrNoRoom {
		t.Errorf("everything pinned: got %v, want ErrNoRoom", err)
	}
	s.Unpin(keys[0])
	s.check(t)
	must(t, putNth(s, 3))
	if got := present(s, keys); !slices.Equal(got, []int{2, 3, 4}) {
		t.Errorf("have %v, want 0 evicted", got)
	}
	must(t, s.Remove(keys[4])) // pinned or not
	if err := s.Remove(keys[4]); !errors.Is(err, ErrMissing) {
		t.Errorf("second Remove: got %v, want ErrMissing", err)
	}
	s.check(t)
}

// TestTrim after a start with a smaller budget: pins come first.
func TestTrim(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	var keys []Key
	for i := range 6 {
		must(t, putNth(s, i))
		k, _ := piece('2', uint64(i), unit)
		keys = append(keys, k)
	}
	closeStore(t, s)
	s = open(t, Config{Dir: dir, Size: 2 * unit})
	if got := present(s, keys); len(got) != 6 {
		t.Errorf("Open has evicted: have %v", got)
	}
	s.Pin(keys[0])
	must(t, s.Trim())
	if got := present(s, keys); !slices.Equal(got, []int{0, 5}) {
		t.Errorf("have %v, want 0 and 5", got)
	}
	s.check(t)
	closeStore(t, s)
	if err := s.Trim(); err != ErrClosed {
		t.Errorf("Trim after Close: got %v, want ErrClosed", err)
	}
}

// TestKeepFree evicts for the floor of the file system, whatever the budget.
func TestKeepFree(t *testing.T) {
	f := &faults{}
	s, keys := filled(t, 4, f, nil)
	s.cfg.KeepFree = 100 * unit
	f.free = 101 * unit
	s.cfg.Size = 100 * unit
	must(t, putNth(s, 4)) // just above the floor afterwards
	if got := present(s, keys); len(got) != 5 {
		t.Errorf("above the floor: have %v, want all", got)
	}
	f.free = 100*unit - 1
	must(t, putNth(s, 5)) // two have to go for it
	if got := present(s, keys); !slices.Equal(got, []int{2, 3, 4, 5}) {
		t.Errorf("below the floor: have %v, want 2 to 5", got)
	}
	f.free = 1
	if err := putNth(s, 6); err != ErrNoRoom {
		t.Errorf("far below the floor: got %v, want ErrNoRoom", err)
	}
	if got := present(s, keys); len(got) != 4 {
		t.Errorf("a Put that is refused has evicted: have %v", got)
	}
	s.check(t)
}

// TestEvictCallback may use the store.
func TestEvictCallback(t *testing.T) {
	var s *Store
	calls := 0
	s, keys := filled(t, 2, &faults{}, func(k Key) {
		calls++
		if _, err := s.ReadAt(k, make([]byte, 1), 0); err != ErrMissing || s.Has(k) {
			t.Errorf("in OnEvict: got %v, has %v, want ErrMissing", err, s.Has(k))
		}
		s.Usage()
		s.Pin(k)
		s.Unpin(k)
	})
	must(t, putNth(s, 2))
	if calls != 1 || s.Has(keys[0]) {
		t.Errorf("got %d calls, want 1", calls)
	}
	s.check(t)
}
