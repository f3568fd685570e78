package cache

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// model is what the store should have: exact LRU over pieces of known size.
type model struct {
	budget int64
	order  []int       // least recently used first
	reads  map[int]int // under way
	pinned map[int]int
}

func (m *model) has(i int) bool { return slices.Contains(m.order, i) }

func (m *model) used(size func(int) int64) (sum int64) {
	for _, i := range m.order {
		sum += size(i)
	}
	return sum
}

// use moves i to the most recently used end.
func (m *model) use(i int) {
	m.order = append(slices.DeleteFunc(m.order, func(j int) bool { return j == i }), i)
}

// put stores i and reports whether there was room.
func (m *model) put(i int, size func(int) int64) bool {
	if m.has(i) {
		m.use(i)
		return true
	}
	over := m.used(size) + size(i) - m.budget
	var gone, inUse []int
	for _, j := range m.order {
		switch {
		case over <= 0 || m.pinned[j] > 0:
		case m.reads[j] > 0:
			inUse = append(inUse, j)
		default:
			gone = append(gone, j)
			over -= size(j)
		}
	}
	for _, j := range inUse { // met on the way, and in use now
		m.use(j)
	}
	if over > 0 {
		return false
	}
	m.order = slices.DeleteFunc(m.order, func(j int) bool { return slices.Contains(gone, j) })
	m.order = append(m.order, i)
	return true
}

const modelPieces = 40

var modelSizes = []int{4 << 10, 16 << 10, 60 << 10, 100_000, 256 << 10}

func modelSize(i int) int64 { return roundUp(int64(modelSizes[i%len(modelSizes)])) }

// sim is a store and its model side by side.
type sim struct {
	*testing.T
	s        *Store
	m        *model
	keys     [modelPieces]Key
	data     [modelPieces][]byte
	releases []func()
}

// TestModel compares the store with the model after each random step.
func TestModel(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 1))
		dir := t.TempDir()
		x := newSim(t, dir)
		for step := range 800 {
			x.step(r.IntN(20), r)
			x.compare()
			if step%50 == 0 {
				if used, odd := onDisk(t, dir); used != x.s.table.used || used > x.m.budget || odd != nil {
					t.Errorf("on disk %d and %q, want %d, at most %d", used, odd, x.s.table.used, x.m.budget)
				}
			}
			if t.Failed() {
				t.Fatalf("at seed %d, step %d", seed, step)
			}
		}
		closeStore(t, x.s)
	}
}

func newSim(t *testing.T, dir string) *sim {
	x := &sim{T: t, m: &model{budget: 700 << 10, reads: map[int]int{}, pinned: map[int]int{}}}
	x.s = open(t, Config{Dir: dir, Size: x.m.budget})
	now := x.s.table.now()
	x.s.table.now = func() int64 { now++; return now }
	for i := range x.keys {
		x.keys[i], x.data[i] = piece("12"[i%2], uint64(i), modelSizes[i%len(modelSizes)])
	}
	return x
}

// step does the same to both.
func (x *sim) step(op int, r *rand.Rand) {
	i := r.IntN(modelPieces)
	switch {
	case op < 8:
		err := x.s.Put(x.keys[i], blocksOf(x.data[i]))
		if ok := x.m.put(i, modelSize); ok != (err == nil) {
			x.Errorf("Put: got %v, want room %v", err, ok)
		}
	case op < 15:
		wantRead(x.T, x.s, x.m, i, x.keys[i], x.data[i])
	case op < 17:
		release, err := use(x.s, x.keys[i])
		if (err == nil) != x.m.has(i) {
			x.Errorf("in use: got %v", err)
		}
		if err == nil {
			x.m.reads[i]++
			x.m.use(i)
			x.releases = append(x.releases, func() { release(); x.m.reads[i]-- })
		}
	case op == 17:
		x.s.Pin(x.keys[i])
		x.m.pinned[i]++
	default:
		x.s.Unpin(x.keys[i])
		x.m.pinned[i] = max(x.m.pinned[i]-1, 0)
	}
	if len(x.releases) > 5 {
		j := r.IntN(len(x.releases))
		x.releases[j]()
		x.releases = slices.Delete(x.releases, j, j+1)
	}
}

func (x *sim) compare() {
	x.s.check(x.T)
	for i, k := range x.keys {
		if x.s.Has(k) != x.m.has(i) {
			x.Errorf("piece %d: has %v, want %v", i, x.s.Has(k), x.m.has(i))
		}
	}
}

func wantRead(t *testing.T, s *Store, m *model, i int, k Key, data []byte) {
	t.Helper()
	if !m.has(i) {
		if _, err := s.ReadAt(k, make([]byte, 1), 0); !errors.Is(err, ErrMissing) {
			t.Errorf("ReadAt: got %v, want ErrMissing", err)
		}
		return
	}
	wantPiece(t, s, k, data)
	m.use(i)
}

// TestConcurrent has many goroutines do everything at once, with faults, on a
// cache that is far too small.
func TestConcurrent(t *testing.T) {
	const pieces, workers, steps = 32, 8, 150
	var keys [pieces]Key
	var data [pieces][]byte
	for i := range keys {
		keys[i], data[i] = piece('2', uint64(i), unit-i)
	}
	var f faults
	s, err := openFaulty(Config{Dir: t.TempDir(), Size: 10 * unit}, &f)
	must(t, err)
	var n atomic.Int64
	f.set(func(op, _ string) error {
		if n.Add(1)%97 == 0 && op != "close" && op != "info" {
			return syscall.EIO
		}
		return nil
	})
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 3))
			buf := make([]byte, unit)
			for range steps {
				i := r.IntN(pieces)
				step(t, s, r.IntN(10), keys[i], data[i], buf)
				if used, budget := s.Usage().Used, s.Usage().Budget; used > budget+workers*unit {
					t.Errorf("used %d of %d", used, budget)
				}
			}
		})
	}
	wg.Wait()
	f.set(nil)
	s.check(t)
	for i, k := range keys {
		if s.Has(k) {
			if err := s.Verify(k); err != nil {
				t.Errorf("piece %d: %v", i, err)
			}
		}
	}
	closeStore(t, s)
}

// step does one thing to s and tests what can be said of it.
func step(t *testing.T, s *Store, op int, k Key, data, buf []byte) {
	switch {
	case op < 4:
		s.Put(k, blocksOf(data)) // may fail: faults, and no room
	case op < 8:
		n, err := s.ReadAt(k, buf[:len(data)], 0)
		if err == nil && string(buf[:n]) != string(data) {
			t.Error("wrong bytes")
		}
	case op == 8:
		if release, err := use(s, k); err == nil {
			defer release()
			s.Put(k, blocksOf(data))
		}
	default:
		s.Remove(k)
	}
}
