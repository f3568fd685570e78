package inode

import (
	"testing"
	"time"
)

func TestYoung(t *testing.T) {
	now := time.Unix(1e9, 500e6)
	const young = granularity
	for _, c := range []struct {
		age  time.Duration
		want time.Duration // from now; 0: old enough
	}{
		{0, young}, {10 * time.Millisecond, 15 * time.Millisecond}, {young, 0}, {time.Hour, 0},
		{-time.Millisecond, 0}, {-time.Hour, 0}, // set by somebody: any write shows
	} {
		got := Young(now.Add(-c.age).UnixNano(), now)
		if got != c.want {
			t.Errorf("age %v: got %v, want %v from now", c.age, got, c.want)
		}
	}
}
