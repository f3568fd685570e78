package tracker

import (
	"math/rand/v2"
	"testing"
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
