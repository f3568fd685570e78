package assembly

import (
	"testing"
	"time"

	"p2pfs/swarm/hashing"
	"p2pfs/swarm/picker"
)

// TestSlowStartEnds: the depth grows while each round trip brings more, and
// stops growing at the rate of the link, be it a block a round.
func TestSlowStartEnds(t *testing.T) {
	for _, tt := range []struct {
		rtt      time.Duration
		rate     int // blocks a round trip
		min, max int // of the depth in the end
	}{
		{200 * time.Millisecond, 150, 300, 400},
		{200 * time.Millisecond, 1, 2, 2 * firstDepth},
		{200 * time.Millisecond, 3, 6, 2 * firstDepth},
		{100 * time.Millisecond, 20, 40, 60},
	} {
		now := time.Now()
		d := NewRequests(&picker.Peer{}, now)
		d.minRTT, d.lastTick = tt.rtt, now
		grown := 0
		for range 40 {
			for range min(tt.rate, d.depth(1000, spareTime)) {
				now = now.Add(tt.rtt / time.Duration(tt.rate))
				d.Blocks++
				d.bytes += hashing.BlockSize
				d.owing.since = now.Add(-tt.rtt / time.Duration(tt.rate))
				d.owing.counts(now, true)
				d.grow(now)
			}
			d.measure(now)
			grown = max(grown, d.depth(1000, spareTime))
		}
		if d.window != 0 {
			t.Errorf("%d blocks a round trip: still growing at %d", tt.rate, d.window)
		}
		if n := d.depth(1000, spareTime); n < tt.min || n > tt.max {
			t.Errorf("%d blocks a round trip: depth %d (%d at most), want %d to %d", tt.rate, n, grown, tt.min, tt.max)
		}
	}
}

// ask asks a peer for blocks of a piece.
func ask(d *Requests, piece, n int, now time.Time) (out []picker.Block) {
	for i := range n {
		out = append(out, picker.Block{Piece: piece, N: i})
	}
	d.Ask(out, now)
	return out
}

// TestSilence: who owes blocks and sends none is snubbed, then closed; not while
// it is we who do not read, nor who owes none.
func TestSilence(t *testing.T) {
	for _, tt := range []struct {
		name           string
		asked          int
		quiet          time.Duration
		held           bool
		snubbed, close bool
	}{
		{"in time", 3, snubAfter, false, false, false},
		{"late", 3, snubAfter + 1, false, true, false},
		{"gone", 3, closeAfter + 1, false, false, true},
		{"held", 3, closeAfter + 1, true, false, false},
		{"owes none", 0, closeAfter + 1, false, false, false},
	} {
		p := &picker.Peer{}
		d := NewRequests(p, start)
		ask(d, 0, tt.asked, start)
		late := d.Tick(start.Add(tt.quiet), tt.held)
		if d.Snubbed != tt.snubbed || len(late.Snubbed) > 0 != tt.snubbed || (late.Err != nil) != tt.close || d.Len() != tt.asked {
			t.Errorf("%s: %+v, snubbed %t, owes %d", tt.name, late, d.Snubbed, d.Len())
		}
		if tt.snubbed {
			if again := d.Tick(start.Add(tt.quiet+1), false); len(again.Snubbed) > 0 {
				t.Errorf("%s: is snubbed twice", tt.name)
			}
			d.Got(picker.Block{}, hashing.BlockSize, start.Add(tt.quiet+2))
			if d.Snubbed || d.Room(100, false, false) == 0 {
				t.Errorf("%s: is snubbed still when a block has come", tt.name)
			}
		}
	}
}

// TestChoked: what a peer that chokes us does not reject in time is forgotten, but
// for pieces that it lets us ask for all the same.
func TestChoked(t *testing.T) {
	p := &picker.Peer{Fast: map[int]bool{1: true}}
	d := NewRequests(p, start)
	ask(d, 0, 2, start)
	ask(d, 1, 3, start)
	p.Choked = true
	d.Choked(start)
	if late := d.Tick(start.Add(rejectTime), false); len(late.Dropped) > 0 {
		t.Errorf("%v are dropped before they could be rejected", late.Dropped)
	}
	late := d.Tick(start.Add(rejectTime+1), false)
	if len(late.Dropped) != 2 || d.Len() != 3 || p.Queued != 3*hashing.BlockSize || d.AskedOf(0) || !d.AskedOf(1) {
		t.Errorf("%v are dropped, %d left", late.Dropped, d.Len())
	}
	if all := d.DropAll(start); len(all) != 3 || d.Len() != 0 || p.Queued != 0 {
		t.Errorf("%v are dropped of 3", all)
	}
}

// TestRefusals: who refuses all is left alone ever longer, until a block comes;
// who sends too much that was not asked for is closed.
func TestRefusals(t *testing.T) {
	d, now := NewRequests(&picker.Peer{}, start), start
	last := time.Duration(0)
	for range 12 {
		b := ask(d, 0, 1, now)[0]
		d.Drop(b, now)
		d.Rejected(now)
		pause := time.Duration(0)
		for ; d.Paused(now.Add(pause)); pause += 50 * time.Millisecond {
		}
		if pause < last || pause > snubAfter {
			t.Fatalf("paused for %v after %v", pause, last)
		}
		last, now = pause, now.Add(pause)
	}
	if last != snubAfter {
		t.Errorf("paused for %v in the end, want %v", last, snubAfter)
	}
	d.Excuse(hashing.BlockSize)
	if err := d.Unasked(maxUnasked + hashing.BlockSize); err != nil {
		t.Errorf("what was excused counts: %v", err)
	}
	if err := d.Unasked(1); err != ErrUnasked {
		t.Errorf("got %v", err)
	}
}
