package share

import (
	"sync"

	"p2pfs/swarm/share/published"
	"p2pfs/swarm/share/serve"
)

// doubts collects entries that a reader found wrong, so that no reader waits
// for the loop. Safe for concurrent use.
type doubts struct {
	mu      sync.Mutex
	entries map[*published.Entry]serve.Doubt
	wake    chan struct{} // room for one
}

func newDoubts() *doubts {
	return &doubts{entries: map[*published.Entry]serve.Doubt{}, wake: make(chan struct{}, 1)}
}

// add has the file of an entry looked at again.
func (d *doubts) add(e *published.Entry, how serve.Doubt) {
	d.mu.Lock()
	d.entries[e] = max(d.entries[e], how)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// take returns what was collected.
func (d *doubts) take() map[*published.Entry]serve.Doubt {
	d.mu.Lock()
	defer d.mu.Unlock()
	entries := d.entries
	d.entries = map[*published.Entry]serve.Doubt{}
	return entries
}
