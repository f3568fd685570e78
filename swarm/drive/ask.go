package drive

import (
	"slices"
	"time"

	"p2pfs/swarm/catalog"
)

// place asks members for an object, or parks it where all have been asked. It
// returns false if it must stay queued until somebody has room. Who has not
// answered what he was asked before is not waited for.
func (f *fetcher) place(w *want, now time.Time, asks *[]question) bool {
	wait, width := patience, 1
	if w.urgent {
		wait, width = patienceUrgent, urgentWidth
	}
	untried := 0
	for w.asked < width {
		var best int
		if best, untried = f.choose(w); best < 0 {
			break
		}
		f.members[best].open[w.hash] = now.Add(wait)
		w.tried = append(w.tried, best)
		w.asked++
		*asks = addAsk(*asks, best, w.hash)
		if f.hinted(w, best) {
			break
		}
	}
	if w.asked == 0 && untried > 0 {
		return false
	}
	if w.asked == 0 {
		f.try(w, now, asks)
		f.putOff(w, now)
	}
	return true
}

// try asks members who are late for an object, which does not wait for them: one
// thing each now and then, so that they can show that they are there.
func (f *fetcher) try(w *want, now time.Time, asks *[]question) {
	for id, m := range f.members {
		_, open := m.open[w.hash]
		if m.late == 0 || open || len(m.open) >= maxAsked || m.trial.After(now) {
			continue
		}
		m.open[w.hash] = time.Time{}
		m.trial = now.Add(patience)
		*asks = addAsk(*asks, id, w.hash)
	}
}

// choose returns whom to ask for an object, -1 if nobody has room, and how many
// may still be asked in this round.
func (f *fetcher) choose(w *want) (best, untried int) {
	room := maxAsked
	if w.urgent {
		room = maxAskedUrgent
	}
	best = -1
	for id, m := range f.members {
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
		if best < 0 || f.before(w, id, best) {
			best = id
		}
	}
	return best, untried
}

// before prefers members who answer, then those who probably have it, then who
// was asked for less, and else the older one.
func (f *fetcher) before(w *want, x, y int) bool {
	m, n := f.members[x], f.members[y]
	if late := m.late > 0; late != (n.late > 0) {
		return !late
	}
	if hint := f.hinted(w, x); hint != f.hinted(w, y) {
		return hint
	}
	if len(m.open) != len(n.open) {
		return len(m.open) < len(n.open)
	}
	return x < y
}

// hinted reports whether a member probably has an object, and is known for
// answering.
func (f *fetcher) hinted(w *want, id int) bool {
	return f.members[id].missed <= maxMissed && slices.Contains(w.hints, id)
}

// putOff parks a want that all members were asked for in vain. Where too many
// came the same way, it is given up after some time, until its author has his
// turn again.
func (f *fetcher) putOff(w *want, now time.Time) {
	if w.rounds > maxRounds && !w.urgent && w.yields() {
		for _, l := range w.lanes {
			f.starve(l)
		}
		f.drop(w.hash)
		return
	}
	w.retry = now.Add(min(firstRetry<<min(w.rounds, 10), lastRetry) * time.Duration(w.factor()))
	w.rounds++
	if !w.parked {
		f.park(w)
		f.parked = append(f.parked, w)
	}
}

func addAsk(asks []question, id int, h catalog.Hash) []question {
	for i := range asks {
		if asks[i].member == id && len(asks[i].hashes) < maxHashes {
			asks[i].hashes = append(asks[i].hashes, h)
			return asks
		}
	}
	return append(asks, question{id, []catalog.Hash{h}})
}
