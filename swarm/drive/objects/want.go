package objects

import (
	"time"

	"p2pfs/swarm/catalog"
)

// want is an object that is to be fetched.
type want struct {
	hash   catalog.Hash
	urgent bool // somebody waits for it
	queued bool
	parked bool // stands in the list of those, though it may be queued or asked for since
	over   bool // was got or given up
	lanes  []*lane
	hints  []int // members who probably have it
	tried  []int // members asked in this round
	asked  int   // how many of them have not answered and still may
	rounds int   // through all members, in vain
	retry  time.Time
}

// factor returns by how much a want that nobody could answer waits longer,
// because those who came the same way have so many of that kind. The best way
// counts.
func (w *want) factor() int {
	least := 0
	for i, l := range w.lanes {
		if n := l.source.parked / crowd; i == 0 || n < least {
			least = n
		}
	}
	return 1 + least
}

// yields reports whether others who came the same way wait for a want's place.
func (w *want) yields() bool {
	for _, l := range w.lanes {
		if l.source.wants < maxSource || len(l.source.hungry) == 0 {
			return false
		}
	}
	return len(w.lanes) > 0
}
