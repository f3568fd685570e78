package swarmtest

import "time"

// poll waits until ready, which nothing tells of, and reports whether that was
// within patience.
func poll(patience time.Duration, ready func() bool) bool {
	late := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-late:
			return ready()
		case <-tick.C:
		}
	}
	return true
}
