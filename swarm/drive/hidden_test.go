package drive

import (
	"errors"
	"io/fs"
	"sync"
	"testing"
	"time"

	"p2pfs/swarm/catalog"
)

// hideSet is what a test hides.
type hideSet struct {
	mu   sync.Mutex
	away map[catalog.Key]bool // hidden while they are away, and as long as their head is the same
	all  map[catalog.Key]bool
	seqs map[catalog.Key]int64
}

func newHideSet() *hideSet {
	return &hideSet{away: map[catalog.Key]bool{}, all: map[catalog.Key]bool{}, seqs: map[catalog.Key]int64{}}
}

func (h *hideSet) hides(k catalog.Key, seq int64, connected bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seqs[k] = seq
	return h.all[k] || h.away[k] && !connected
}

func (h *hideSet) set(m map[catalog.Key]bool, k catalog.Key, to bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m[k] = to
}

// TestHiddenMembers hides a member here: at once, over a restart, from nobody
// else, and only as long as is wanted.
func TestHiddenMembers(t *testing.T) {
	h := newHideSet()
	a, b, c := newNode(t, 1), newNode(t, 2, func(c *Config) { c.Hides = h.hides }), newNode(t, 3)
	a.share(file("both", 1), file("x", 2))
	b.share(file("own", 3))
	b.join(a)
	b.untilHas("x")
	h.set(h.all, a.key(), true)
	if err := b.Refilter(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.View().Lookup("x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	a.share(file("y", 4)) // and what he does next is not seen
	c.join(b)
	c.untilHas("y") // but handed on
	b.halt()
	b.views = nil // of the run before
	b.start()
	if ms := b.View().Members(); len(ms) != 1 || !ms[0].Self {
		t.Errorf("shown after a restart: %+v", ms)
	}
	found := false
	for _, m := range b.Members() {
		if m.Key == a.key() {
			found = true
			if m.Shown || !m.Shares || time.Since(m.Seen) > time.Hour {
				t.Errorf("got %+v", m)
			}
		}
	}
	if !found {
		t.Error("who is hidden is not listed")
	}
	h.set(h.all, a.key(), false)
	if err := b.Refilter(); err != nil {
		t.Fatal(err)
	}
	b.untilHas("y")
}

// TestHiddenUntilHeComes hides a member who is away: he is seen while he is
// connected.
func TestHiddenUntilHeComes(t *testing.T) {
	h := newHideSet()
	a, b := newNode(t, 1), newNode(t, 2, func(c *Config) { c.Hides = h.hides })
	a.share(file("x", 1))
	b.join(a)
	b.untilHas("x")
	h.set(h.away, a.key(), true)
	b.Refilter()
	if _, err := b.View().Lookup("x"); err != nil {
		t.Errorf("he is here: %v", err)
	}
	a.halt()
	until(t, "he is gone", func() bool { return !b.has("x") })
	a.start()
	b.join(a)
	b.untilHas("x")
}
