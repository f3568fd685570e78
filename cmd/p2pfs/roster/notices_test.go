//go:build linux

package roster

import (
	"testing"
	"time"
)

func TestApart(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-40 * 24 * time.Hour: "40 days behind", 31 * 24 * time.Hour: "31 days ahead", 5 * time.Hour: "5 hours ahead",
		-90 * time.Minute: "90 minutes behind", 47 * time.Hour: "47 hours ahead", 6 * time.Minute: "6 minutes ahead",
		-(39*24 + 23) * time.Hour: "40 days behind",
	} {
		if got := apart(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
