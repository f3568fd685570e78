package reads

import (
	"slices"
	"testing"
	"time"
)

// step is a read of a reader under test.
type step struct {
	off, n int64
	pause  time.Duration // before it
}

// inOrder is reads of n bytes from off on, some time apart.
func inOrder(off, n int64, times int, pause time.Duration) (out []step) {
	for i := range int64(times) {
		out = append(out, step{off + i*n, n, pause})
	}
	return out
}

func TestWindow(t *testing.T) {
	const n, size = 128 << 10, 1 << 30
	dd := inOrder(0, n, 200, 0)
	for name, tt := range map[string]struct {
		steps    []step
		streams  int
		min, max int64 // bytes ahead of the first stream
	}{
		"one read":        {inOrder(0, n, 1, 0), 1, 0, 0},
		"two":             {inOrder(0, n, 2, 0), 1, 1 << 20, 1 << 20},
		"as fast as can":  {dd, 1, maxWindow, maxWindow},
		"a slow player":   {inOrder(0, n, 200, 200*time.Millisecond), 1, 4 << 20, 6 << 20},
		"a crawling one":  {inOrder(0, n, 200, 10*time.Second), 1, minWindow, minWindow},
		"a tail probe":    {slices.Concat(dd, []step{{off: size - n, n: n}, {off: 200 * n, n: n}}), 2, maxWindow, maxWindow},
		"read out of row": {slices.Concat(dd, []step{{off: 201 * n, n: n}, {off: 200 * n, n: n}, {off: 202 * n, n: n}}), 1, maxWindow, maxWindow},
		"random":          {[]step{{5 << 20, n, 0}, {90 << 20, n, 0}, {50 << 20, n, 0}, {7 << 20, n, 0}, {1 << 20, n, 0}}, maxStreams, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var ss Streams
			now := time.Unix(1e9, 0)
			for _, st := range tt.steps {
				now = now.Add(st.pause)
				s, _ := ss.Follow(st.off, st.n, size, 1<<20, now)
				now = now.Add(time.Millisecond) // it waits for us
				s.Answered(now)
			}
			if len(ss.all) != tt.streams {
				t.Errorf("%d streams, want %d", len(ss.all), tt.streams)
			}
			if w := ss.all[0].window(n); w < tt.min || w > tt.max {
				t.Errorf("window %d, want %d to %d", w, tt.min, tt.max)
			}
		})
	}
}

// TestStreamsTakeTurns: several that read in order through one Reader have a
// window each, and one that is given up takes its window with it.
func TestStreamsTakeTurns(t *testing.T) {
	const n, size = 128 << 10, 1 << 30
	var ss Streams
	now := time.Unix(1e9, 0)
	for i := range int64(20) {
		for at := range int64(maxStreams) {
			ss.Follow(at*100<<20+i*n, n, size, 1<<20, now)
		}
	}
	if len(ss.all) != maxStreams {
		t.Fatalf("%d streams, want %d", len(ss.all), maxStreams)
	}
	for i, s := range ss.all {
		if s.window(n) < 8<<20 {
			t.Errorf("stream %d has a window of %d", i, s.window(n))
		}
	}
	first := ss.all[0]
	_, m := ss.Follow(900<<20, n, size, 1<<20, now)
	if m.Stream != first || m.End > 0 {
		t.Errorf("the window of a stream that was given up stays: %+v", m)
	}
}
