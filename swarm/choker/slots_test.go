package choker

import (
	"testing"
	"time"
)

// link is a swarm as the slot count sees it: each slot takes up to perPeer
// from a link of capacity, both in KiB/s; beyond it the total falls a little.
type link struct{ capacity, perPeer float64 }

func (l link) rate(slots int) float64 {
	return min(l.capacity, float64(slots)*l.perPeer) * 1024
}

// settle runs an hour of rounds with a crowd that wants more than there is.
func settle(c *Choker, l link) (low, high int) {
	slots := c.Slots(start, 0)
	low, high = 1<<30, 0
	for i := range 360 {
		now := start.Add(time.Duration(i) * Interval)
		slots = c.Slots(now, l.rate(slots))
		c.slots.full = true
		if i >= 300 { // the last ten minutes
			low, high = min(low, slots), max(high, slots)
		}
	}
	return low, high
}

func TestSlotsAdapt(t *testing.T) {
	tests := []struct {
		name      string
		l         link
		cfg       Config
		low, high int // bounds of the last ten minutes
	}{
		{"room without end", link{1e9, 100}, Config{}, 64, 64},
		{"room to a bound", link{1e9, 100}, Config{MaxSlots: 20}, 20, 20},
		{"full at 20", link{2000, 100}, Config{}, 18, 28},
		{"full from the start", link{800, 100}, Config{}, 8, 10},
		{"thin slots on a slow link", link{24, 100}, Config{}, 4, 5},
		{"thin slots by slow peers, link with room", link{1e9, 2}, Config{}, 64, 64},
		{"nobody takes anything", link{0, 0}, Config{}, 4, 5},
		{"fixed", link{1e9, 100}, fixed(6), 6, 6},
	}
	for _, tt := range tests {
		low, high := settle(newChoker(tt.cfg, 1), tt.l)
		if low < tt.low || high > tt.high {
			t.Errorf("%s: %d to %d slots, want within %d to %d", tt.name, low, high, tt.low, tt.high)
		}
	}
}

func TestSlotsStandStill(t *testing.T) {
	c := newChoker(Config{}, 1)
	for i := range 100 { // nobody is left choked
		if got := c.Slots(start.Add(time.Duration(i)*Interval), 1e6); got != 8 {
			t.Fatalf("round %d, slots to spare: got %d, want 8", i, got)
		}
	}
	c.slots.full = true
	now := start.Add(1000 * Interval)
	first := c.Slots(now, 1e6)
	for range 100 {
		now = now.Add(time.Millisecond)
		if got := c.Slots(now, 1e9); got != first {
			t.Fatalf("within an interval: got %d, want %d", got, first)
		}
	}
}

func TestSlotsStartAndBounds(t *testing.T) {
	tests := []struct {
		cfg  Config
		want int
	}{
		{Config{}, 8},
		{Config{MaxSlots: 6}, 6},
		{Config{MaxSlots: 2}, 2},
		{Config{MinSlots: 12}, 12},
		{Config{MinSlots: 100}, 100},
		{Config{StartSlots: 20}, 20},
	}
	for _, tt := range tests {
		if got := newChoker(tt.cfg, 1).Slots(start, 0); got != tt.want {
			t.Errorf("%+v: got %d slots, want %d", tt.cfg, got, tt.want)
		}
	}
}
