package objects

import (
	"time"

	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive/message"
)

// Question is what one member is to be asked for: at most a message full.
type Question struct {
	Member int
	Hashes []catalog.Hash
}

// assign returns what is to be asked of whom now.
func (f *questions) assign(now time.Time) []Question {
	var asks []Question
	stuck := f.urgent[:0]
	for _, w := range f.urgent {
		if !w.queued || w.over {
			continue
		}
		if w.queued = !f.place(w, now, &asks); w.queued {
			stuck = append(stuck, w)
		}
	}
	clear(f.urgent[len(stuck):])
	f.urgent = stuck
	var waiting []*want
	var from []*lane
	for len(waiting) < maxStuck && f.members.room(now) {
		w, l := f.lanes.next()
		if w == nil {
			break
		}
		if w.queued = !f.place(w, now, &asks); w.queued {
			waiting, from = append(waiting, w), append(from, l)
		}
	}
	for i, w := range waiting {
		f.lanes.back(w, from[i])
	}
	return asks
}

// place asks members for an object, or parks it where all have been asked. It
// returns false if it must stay queued until somebody has room. Who has not
// answered what he was asked before is not waited for.
func (f *questions) place(w *want, now time.Time, asks *[]Question) bool {
	wait, width := patience, 1
	if w.urgent {
		wait, width = patienceUrgent, urgentWidth
	}
	untried := 0
	for w.asked < width {
		var best int
		if best, untried = f.members.choose(w); best < 0 {
			break
		}
		f.members[best].open[w.hash] = now.Add(wait)
		w.tried = append(w.tried, best)
		w.asked++
		*asks = addAsk(*asks, best, w.hash)
		if f.members.hinted(w, best) {
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
func (f *questions) try(w *want, now time.Time, asks *[]Question) {
	for id, m := range f.members {
		_, open := m.open[w.hash]
		if m.late == 0 || open || len(m.open) >= maxUnwaited || m.trial.After(now) {
			continue
		}
		m.open[w.hash] = time.Time{}
		m.trial = now.Add(patience)
		*asks = addAsk(*asks, id, w.hash)
	}
}

// putOff parks a want that all members were asked for in vain. Where too many
// came the same way, it is given up after some time, until its author has his
// turn again.
func (f *questions) putOff(w *want, now time.Time) {
	if w.rounds > maxRounds && !w.urgent && w.yields() {
		for _, l := range w.lanes {
			f.lanes.starve(l, maxLane/2)
		}
		f.drop(w.hash)
		return
	}
	w.retry = now.Add(min(firstRetry<<min(w.rounds, 10), lastRetry) * time.Duration(w.factor()))
	w.rounds++
	if !w.parked {
		f.lanes.park(w)
		f.parked = append(f.parked, w)
	}
}

func addAsk(asks []Question, id int, h catalog.Hash) []Question {
	for i := range asks {
		if asks[i].Member == id && len(asks[i].Hashes) < message.MaxHashes {
			asks[i].Hashes = append(asks[i].Hashes, h)
			return asks
		}
	}
	return append(asks, Question{id, []catalog.Hash{h}})
}
