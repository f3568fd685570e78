package picker

import (
	"math/rand"
	"testing"
	"time"
)

// crowd makes leechers that know one another and a seed that has all of their
// pieces.
func crowd(n, pieces int, seed Peer) (pickers []*Picker, seeds []*Peer) {
	rng := rand.New(rand.NewSource(1))
	keys := make([]uint64, n)
	for i := range keys {
		keys[i] = rng.Uint64()
	}
	for i, key := range keys {
		p := New(pieces, func(int) int { return 4 }, rand.New(rand.NewSource(int64(i))))
		p.Key = key
		for piece := range pieces {
			p.Pieces.Select(piece, true)
		}
		for j, other := range keys {
			if j != i {
				p.Join(&Peer{ID: j + 2, Key: other})
			}
		}
		s := seed
		s.ID, s.All = 1, true
		p.Join(&s)
		pickers, seeds = append(pickers, p), append(seeds, &s)
	}
	return pickers, seeds
}

// TestLeechersShareASeed: those who know one another begin different pieces of
// a stranger's seed, though they all begin at the same moment.
func TestLeechersShareASeed(t *testing.T) {
	now := time.Unix(1, 0)
	for _, c := range []struct {
		name            string
		each            int // blocks asked by each
		distinct, again int // pieces begun, at least, and how often by two at most
	}{
		{"two pieces each", 8, 16, 0},
		{"until all are begun", 32, 52, 12},
	} {
		pickers, seeds := crowd(8, 64, Peer{})
		begun := map[int]int{}
		for i, p := range pickers {
			for _, b := range p.Pick(now, seeds[i], c.each, nil) {
				if b.N == 0 {
					begun[b.Piece]++
				}
			}
		}
		twice := 0
		for _, n := range begun {
			twice += n - 1
		}
		if len(begun) < c.distinct || twice > c.again {
			t.Errorf("%s: %d pieces begun, %d times by one more; want at least %d, at most %d", c.name, len(begun), twice, c.distinct, c.again)
		}
	}
}

// TestSharingIsNoLimit: alone, or where the others have gone, all that a seed
// has is asked of it, and what a reader wants always is.
func TestSharingIsNoLimit(t *testing.T) {
	now := time.Unix(1, 0)
	pickers, seeds := crowd(3, 16, Peer{})
	p, seed := pickers[0], seeds[0]
	if got := len(p.Pick(now, seed, 1000, nil)); got != 64 {
		t.Errorf("%d blocks asked, want all 64", got)
	}
	pickers, seeds = crowd(3, 16, Peer{Choked: true, Fast: map[int]bool{5: true, 6: true}})
	p, seed = pickers[1], seeds[1]
	p.SetUrgent([]Urgent{{Piece: 5, End: 4, Deadline: now}, {Piece: 6, End: 4, Deadline: now}})
	if got := len(p.Pick(now, seed, 1000, nil)); got < 8 {
		t.Errorf("%d blocks asked for a reader, want 8", got)
	}
}
