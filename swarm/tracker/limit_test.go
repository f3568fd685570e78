package tracker

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestLimiter asks at random times and checks every window of 20 seconds.
func TestLimiter(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	l := limiter{times: make(map[limited]*[maxBurst]time.Time)}
	k := limited{infoHash: [20]byte{1}}
	now := time.Unix(0, 0)
	var sent, common []time.Time
	for range 5000 {
		now = now.Add(time.Duration(rng.IntN(4000)) * time.Millisecond)
		last := rng.IntN(10) == 0
		wait := l.take(k, last, now)
		if wait < 0 || wait > burstTime {
			t.Fatalf("wait %v", wait)
		}
		if wait == 0 {
			sent = append(sent, now)
			if !last {
				common = append(common, now)
			}
		}
	}
	for i := maxBurst; i < len(sent); i++ {
		if d := sent[i].Sub(sent[i-maxBurst]); d < burstTime {
			t.Fatalf("%d announces in %v", maxBurst+1, d)
		}
	}
	for i := maxBurst - 1; i < len(common); i++ {
		if d := common[i].Sub(common[i-maxBurst+1]); d < burstTime {
			t.Fatalf("%d announces in %v left no place for the last", maxBurst, d)
		}
	}
	if len(sent) < 1000 {
		t.Errorf("only %d sent", len(sent))
	}
}

// TestLimiterForgets: it does not grow with all the torrents there ever were.
func TestLimiterForgets(t *testing.T) {
	l := limiter{times: make(map[limited]*[maxBurst]time.Time)}
	now := time.Unix(0, 0)
	for i := range 100_000 {
		now = now.Add(100 * time.Millisecond)
		l.take(limited{infoHash: [20]byte{byte(i), byte(i >> 8), byte(i >> 16)}}, false, now)
	}
	if n := len(l.times); n > 1000 {
		t.Errorf("%d remembered, 200 are younger than 20 s", n)
	}
}

// TestPace: many torrents that begin at once reach their tracker one after the
// other, but those that somebody waits for and those that end.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{})
		defer c.Close()
		began := time.Now()
		took := func(e Event, urgent bool) time.Duration {
			ctx, k, err := c.calls.enter(t.Context(), Request{Urgent: urgent})
			if err != nil {
				t.Fatal(err)
			}
			defer c.calls.leave(k)
			if err := c.turns.await(ctx, k, e); err != nil {
				t.Error(err)
			}
			return time.Since(began)
		}
		var wg sync.WaitGroup
		var at [3 * pace]time.Duration
		for i := range at {
			wg.Go(func() { at[i] = took(Started, false) })
		}
		synctest.Wait()
		if d := took(Started, true); d != 0 {
			t.Errorf("an urgent one took %v", d)
		}
		if d := took(Stopped, false); d != 0 {
			t.Errorf("a last one took %v", d)
		}
		wg.Wait()
		slices.Sort(at[:])
		if at[pace-1] != 0 || at[pace] == 0 || at[3*pace-1] < 1900*time.Millisecond || at[3*pace-1] > 2100*time.Millisecond {
			t.Errorf("went at %v, %v ... %v", at[pace-1], at[pace], at[3*pace-1])
		}
	})
}
