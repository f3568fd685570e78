package share

import (
	"testing"
	"time"
)

func TestHeatGrowsAndCools(t *testing.T) {
	start := time.Unix(1e9, 0)
	var h heat
	now := start
	var gaps []time.Duration
	for range 12 { // a file that has always changed again when it may be hashed
		if next := h.next(); next.After(now) {
			now = next
		}
		gaps = append(gaps, now.Sub(start))
		start = now
		h = h.up(now)
	}
	want := []time.Duration{0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}
	for i := range want {
		if gaps[i] != want[i]*time.Second {
			t.Fatalf("got %v, want %v seconds", gaps, want)
		}
	}
	if hot := h.up(now.Add(h.quiet())); hot.delay() != hottest {
		t.Errorf("forgiven after %v already", h.quiet())
	}
	if cold := h.up(now.Add(h.quiet() + 1)); cold.delay() != 0 {
		t.Errorf("delay %v after %v of quiet, want none", cold.delay(), h.quiet())
	}
}

func TestBusyDelay(t *testing.T) {
	last := time.Duration(0)
	for tries := range 100 {
		d := busyDelay(tries)
		if d < last || d <= 0 || d > 5*time.Second {
			t.Fatalf("busyDelay(%d) = %v after %v", tries, d, last)
		}
		last = d
	}
	if first := busyDelay(0); first > 50*time.Millisecond {
		t.Errorf("first delay is %v", first)
	}
	if last != 5*time.Second {
		t.Errorf("grows to %v, want 5s", last)
	}
}

func TestYoungUntil(t *testing.T) {
	now := time.Unix(1e9, 500e6)
	const young = 25 * time.Millisecond
	for _, c := range []struct {
		age  time.Duration
		want time.Duration // from now; 0: old enough
	}{
		{0, young}, {10 * time.Millisecond, 15 * time.Millisecond}, {young, 0}, {time.Hour, 0},
		{-time.Millisecond, 0}, {-time.Hour, 0}, // set by somebody: any write shows
	} {
		got := youngUntil(now.Add(-c.age).UnixNano(), now, young)
		if c.want == 0 && !got.IsZero() || c.want != 0 && got.Sub(now) != c.want {
			t.Errorf("age %v: got %v, want %v from now", c.age, got, c.want)
		}
	}
}

func TestDuesComeInOrder(t *testing.T) {
	var d dues
	start := time.Unix(1e9, 0)
	waits := make([]*wait, 50)
	for i := range waits {
		waits[i] = &wait{index: -1}
		d.set(waits[i], start.Add(time.Duration(i*37%50)*time.Second))
	}
	d.set(waits[0], start.Add(time.Hour)) // moved
	d.unset(waits[1])
	d.unset(waits[1])
	last := start
	for n := range 48 {
		w := d.pop(start.Add(time.Minute))
		if w == nil || w.due.Before(last) || w == waits[0] || w == waits[1] {
			t.Fatalf("pop %d: got %+v after %v", n, w, last)
		}
		last = w.due
	}
	if w := d.pop(start.Add(time.Minute)); w != nil {
		t.Errorf("popped what is not due: %+v", w)
	}
	if w := d.pop(start.Add(time.Hour)); w != waits[0] {
		t.Errorf("got %+v, want the one that was moved", w)
	}
}
