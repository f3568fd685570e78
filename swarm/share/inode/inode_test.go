package inode

import (
	"io/fs"
	"syscall"
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

func TestMissing(t *testing.T) {
	for err, want := range map[error]bool{syscall.ENOENT: true, syscall.ENOTDIR: true, syscall.ELOOP: true, syscall.EIO: false, syscall.EACCES: false} {
		if got := Missing(&fs.PathError{Err: err}); got != want {
			t.Errorf("Missing(%v) = %v, want %v", err, got, want)
		}
	}
}
