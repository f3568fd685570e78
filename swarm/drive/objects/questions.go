package objects

import (
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/catalog"
)

// MaxAsked is how many objects are asked of one member at once, those included
// that somebody waits for.
const MaxAsked = 96

// Bounds on fetching.
const (
	maxUnwaited    = 64                    // objects asked of one member at once that nobody waits for
	urgentWidth    = 3                     // members asked at once for what somebody waits for
	patience       = 5 * time.Second       // for an answer, before another member is asked
	patienceUrgent = time.Second           // the same for what somebody waits for
	firstRetry     = 50 * time.Millisecond // until the next round through all members; doubles
	lastRetry      = 10 * time.Second      // and no longer than this, unless there are many
	maxRounds      = 12                    // in vain, before others have their turn where there are too many
	maxMissed      = 3                     // questions let pass, beyond which it counts no more what a member should have
	maxStuck       = 64                    // wants that are looked at though who may have them has no room
)

// questions decides which object is asked of whom. Every want is either queued,
// asked for, or parked until its next round.
type questions struct {
	wants   map[catalog.Hash]*want
	urgent  []*want // queued
	lanes   lanes   // of the others
	parked  []*want
	members members
}

func newQuestions() *questions {
	return &questions{wants: make(map[catalog.Hash]*want), lanes: newLanes(), members: make(members)}
}

// join adds a member. He is asked for what is parked.
func (f *questions) join(id int) {
	f.members[id] = &member{open: make(map[catalog.Hash]time.Time)}
	for _, w := range f.parked {
		if len(w.tried) == 0 {
			w.rounds = 0 // there was nobody
		}
		f.lanes.unpark(w)
		f.enqueue(w)
	}
	f.parked = nil
}

// leave removes a member. What he was asked for is asked of others.
func (f *questions) leave(id int) {
	m := f.members[id]
	if m == nil {
		return // it had not joined
	}
	delete(f.members, id)
	for h, until := range m.open {
		f.unanswered(h, until)
	}
}

// want adds an object that somebody waits for, or hints for one that is wanted
// already.
func (f *questions) want(h catalog.Hash, hints ...int) {
	w := f.wants[h]
	if w == nil {
		w = &want{hash: h}
		f.wants[h] = w
	}
	f.hint(w, hints)
	if !w.urgent {
		w.urgent, w.queued = true, false
		f.enqueue(w)
	}
}

// wantFor adds objects that an author's catalogue lacks, whom an address group
// brought, as far as there is room for him.
func (f *questions) wantFor(author catalog.Key, group netip.Prefix, list []catalog.Hash, hints ...int) {
	if len(list) == 0 {
		return
	}
	l := f.lanes.lane(author, group)
	defer f.lanes.tidy(l)
	for _, h := range list {
		w := f.wants[h]
		fresh := w == nil
		if fresh {
			w = &want{hash: h}
		}
		before := len(w.lanes)
		if !f.lanes.add(w, l) && fresh {
			return // nor is there room for the rest
		}
		f.wants[h] = w
		f.hint(w, hints)
		switch {
		case fresh:
			f.enqueue(w)
		case w.queued && !w.urgent && len(w.lanes) > before:
			l.queue = append(l.queue, w)
			f.lanes.ringIn(l)
		}
	}
}

// askAgain has it told again what an author's catalogue lacks when half of what is
// wanted for it has come.
func (f *questions) askAgain(author catalog.Key) {
	if l := f.lanes.byAuthor[author]; l != nil && l.wants > 0 && !l.hungry {
		f.lanes.starve(l, min(l.wants, maxLane)/2)
	}
}

func (f *questions) hint(w *want, hints []int) {
	for _, id := range hints {
		if f.members[id] != nil && !slices.Contains(w.hints, id) {
			w.hints = append(w.hints, id)
		}
	}
}

// drop gives an object up.
func (f *questions) drop(h catalog.Hash) {
	if w := f.wants[h]; w != nil {
		w.over = true
		f.lanes.remove(w)
		delete(f.wants, h)
	}
}

func (f *questions) enqueue(w *want) {
	if w.queued || w.over {
		return
	}
	w.queued = true
	if w.urgent {
		f.urgent = append(f.urgent, w)
	} else {
		f.lanes.push(w)
	}
}

// got notes that a member has sent an object. asked: he was asked for it;
// authors are some whose catalogues need it.
func (f *questions) got(id int, h catalog.Hash) (authors []catalog.Key, asked bool) {
	if !f.members.answered(id, h) {
		return nil, false
	}
	if w := f.wants[h]; w != nil {
		for _, l := range w.lanes {
			authors = append(authors, l.author)
		}
	}
	f.drop(h)
	return authors, true
}

// none notes that a member does not have an object. asked: he was asked for it.
func (f *questions) none(id int, h catalog.Hash) (asked bool) {
	m := f.members[id]
	if m == nil {
		return false
	}
	until := m.open[h]
	if asked = f.members.answered(id, h); asked {
		f.unanswered(h, until)
	}
	return asked
}

// unanswered lets a want go to the next member, if until says that its answer
// was still awaited.
func (f *questions) unanswered(h catalog.Hash, until time.Time) {
	w := f.wants[h]
	if w == nil || until.IsZero() {
		return
	}
	w.asked = max(w.asked-1, 0)
	f.enqueue(w)
}

// expire gives up waiting for answers that are late.
func (f *questions) expire(now time.Time) {
	for _, m := range f.members {
		for h, until := range m.open {
			if !until.IsZero() && !until.After(now) {
				m.open[h] = time.Time{}
				m.late++
				m.missed++
				m.trial = now.Add(patience)
				f.unanswered(h, until)
			}
		}
	}
	still := f.parked[:0]
	for _, w := range f.parked {
		waits := !w.queued && w.asked == 0 && !w.over
		if waits && w.retry.After(now) {
			still = append(still, w)
			continue
		}
		f.lanes.unpark(w)
		if waits {
			w.tried = nil
			f.enqueue(w)
		}
	}
	clear(f.parked[len(still):])
	f.parked = still
}

// dropUnless gives up all objects that need says are of no use.
func (f *questions) dropUnless(need func(catalog.Hash) bool) {
	for h := range f.wants {
		if !need(h) {
			f.drop(h)
		}
	}
}
