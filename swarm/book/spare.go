package book

import (
	"time"

	"p2pfs/swarm/netgroup"
)

// spare keeps others from being dialled too often on somebody's word. An address
// that a user named, or where somebody answered before, may always be dialled.
type spare struct {
	dials *netgroup.Dials // of all swarms; nil: nothing is bounded
}

func (s spare) free(e *entry, now time.Time) bool {
	return !e.hearsay || s.dials == nil || s.dials.Met(e.addr, now)
}

// ready reports whether an address may be dialled.
func (s spare) ready(e *entry, now time.Time) bool {
	return s.free(e, now) || s.dials.Ready(e.addr.Addr(), e.from.teller(), now)
}

// take is ready, and counts a dial where it reports true.
func (s spare) take(e *entry, now time.Time) bool {
	return s.free(e, now) || s.dials.Take(e.addr.Addr(), e.from.teller(), now)
}

// arrived notes that somebody answered.
func (s spare) arrived(e *entry, now time.Time) {
	if s.dials == nil {
		return
	}
	if !s.free(e, now) {
		s.dials.Reached(e.addr.Addr())
	}
	s.dials.Meet(e.addr, now)
}
