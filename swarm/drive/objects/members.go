package objects

import (
	"slices"
	"time"

	"p2pfs/swarm/catalog"
)

// member is what one was asked for and has not answered, and until when
// he may; zero: he let that time pass, but may still answer. late is how many
// more he has let pass than he has answered since, missed how many in all, and
// trial when he may be given another chance.
type member struct {
	open   map[catalog.Hash]time.Time
	late   int
	missed int
	trial  time.Time
}

// members are those who can be asked, by their numbers.
type members map[int]*member

// answered notes that a member has answered. False if he was not asked.
func (all members) answered(id int, h catalog.Hash) bool {
	m := all[id]
	if m == nil {
		return false
	}
	if _, ok := m.open[h]; !ok {
		return false
	}
	delete(m.open, h)
	m.late = max(m.late-1, 0)
	return true
}

// room reports whether anybody can be asked for more.
func (all members) room(now time.Time) bool {
	for _, m := range all {
		if len(m.open) < maxUnwaited && (m.late == 0 || !m.trial.After(now)) {
			return true
		}
	}
	return len(all) == 0 // what is queued is parked
}

// choose returns whom to ask for an object, -1 if nobody has room, and how many
// may still be asked in this round.
func (all members) choose(w *want) (best, untried int) {
	room := maxUnwaited
	if w.urgent {
		room = MaxAsked
	}
	best = -1
	for id, m := range all {
		_, open := m.open[w.hash]
		if open || slices.Contains(w.tried, id) || m.late > 0 && !w.urgent {
			continue
		}
		if len(m.open) >= room {
			if m.late == 0 {
				untried++ // he will have room
			}
			continue
		}
		untried++
		if best < 0 || all.before(w, id, best) {
			best = id
		}
	}
	return best, untried
}

// before prefers members who answer, then those who probably have it, then who
// was asked for less, and else the older one.
func (all members) before(w *want, x, y int) bool {
	m, n := all[x], all[y]
	if late := m.late > 0; late != (n.late > 0) {
		return !late
	}
	if hint := all.hinted(w, x); hint != all.hinted(w, y) {
		return hint
	}
	if len(m.open) != len(n.open) {
		return len(m.open) < len(n.open)
	}
	return x < y
}

// hinted reports whether a member probably has an object, and is known for
// answering.
func (all members) hinted(w *want, id int) bool {
	return all[id].missed <= maxMissed && slices.Contains(w.hints, id)
}
