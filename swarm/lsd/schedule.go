package lsd

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

const (
	// interval is how often an infohash is announced, floor the least time
	// between two announces of it (BEP 14).
	interval = 5 * time.Minute
	floor    = time.Minute
	// gap is how often a datagram may be sent for long (BEP 14), and burst
	// how many at once after a silence: what is new is to be heard soon.
	gap   = time.Minute
	burst = 5
	// settle is how long a new infohash waits for others to go with it.
	settle = 50 * time.Millisecond
)

// schedule decides which infohashes are announced when. It is pure and has no
// clock.
type schedule struct {
	entries map[[20]byte]*entry
	joins   int
	full    time.Time // when burst datagrams may be sent again
}

// entry is an infohash that is announced, or was within the last minute.
type entry struct {
	found   map[int]func(netip.AddrPort) // of those that joined; empty: not announced any more
	joined  int                          // number of the latest join
	ready   time.Time                    // not before, while it is new
	last    time.Time                    // announced; zero: never
	hurried bool
}

func newSchedule() schedule { return schedule{entries: map[[20]byte]*entry{}} }

// join adds an infohash and returns the number to leave with.
func (s *schedule) join(h [20]byte, found func(netip.AddrPort), now time.Time) int {
	e := s.entries[h]
	if e == nil {
		e = &entry{found: map[int]func(netip.AddrPort){}}
		s.entries[h] = e
	}
	s.joins++
	if len(e.found) == 0 {
		e.ready = now.Add(settle)
		e.hurried = true
	}
	e.joined = s.joins
	e.found[s.joins] = found
	return s.joins
}

func (s *schedule) leave(h [20]byte, id int) {
	if e := s.entries[h]; e != nil {
		delete(e.found, id)
	}
}

// hurry brings an announce forward.
func (s *schedule) hurry(h [20]byte) {
	if e := s.entries[h]; e != nil {
		e.hurried = true
	}
}

// due is when an entry is to be announced.
func (e *entry) due() time.Time {
	switch {
	case e.last.IsZero():
		return e.ready
	case e.hurried:
		return later(e.ready, e.last.Add(floor))
	}
	return e.last.Add(interval)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// next is when batch has something to announce; false if never.
func (s *schedule) next() (at time.Time, ok bool) {
	for _, e := range s.entries {
		if due := e.due(); len(e.found) > 0 && (!ok || due.Before(at)) {
			at, ok = due, true
		}
	}
	return later(at, s.full.Add(-(burst-1)*gap)), ok
}

// batch returns what one datagram is to announce now, nil for nothing, and
// takes it for announced. What is new or hurried goes first, the latest before
// all; infohashes that would be due within a minute fill what is left.
func (s *schedule) batch(now time.Time) [][20]byte {
	if at, ok := s.next(); !ok || at.After(now) {
		s.forget(now)
		return nil
	}
	out := s.pick(func(e *entry) bool { return !e.due().Add(-floor).After(now) && !e.last.Add(floor).After(now) })
	out = out[:min(len(out), maxInfoHashes)]
	for _, h := range out {
		e := s.entries[h]
		e.last, e.hurried = now, false
	}
	s.full = later(s.full, now).Add(gap)
	return out
}

// again lists what was announced already, for somebody who came after it: as
// much as one datagram holds. The rest is hurried if that is said.
func (s *schedule) again(rest bool) [][20]byte {
	all := s.pick(func(e *entry) bool { return !e.last.IsZero() })
	out := all[:min(len(all), maxInfoHashes)]
	if rest {
		for _, h := range all[len(out):] {
			s.entries[h].hurried = true
		}
	}
	return out
}

// pick returns the infohashes that fit: the hurried first, the latest before
// all, then those announced longest ago.
func (s *schedule) pick(fits func(*entry) bool) (out [][20]byte) {
	for h, e := range s.entries {
		if len(e.found) > 0 && fits(e) {
			out = append(out, h)
		}
	}
	slices.SortFunc(out, func(x, y [20]byte) int {
		a, b := s.entries[x], s.entries[y]
		switch {
		case a.hurried && b.hurried:
			return cmp.Compare(b.joined, a.joined)
		case a.hurried:
			return -1
		case b.hurried:
			return 1
		}
		return a.last.Compare(b.last)
	})
	return out
}

// forget drops what nobody announces any more, once it may be announced again.
func (s *schedule) forget(now time.Time) {
	for h, e := range s.entries {
		if len(e.found) == 0 && !e.last.Add(floor).After(now) {
			delete(s.entries, h)
		}
	}
}

// wants returns who is to be told of a peer with that infohash.
func (s *schedule) wants(h [20]byte) (out []func(netip.AddrPort)) {
	if e := s.entries[h]; e != nil {
		for _, f := range e.found {
			out = append(out, f)
		}
	}
	return out
}
