package drive

import (
	"net/netip"
	"slices"
	"time"

	"p2pfs/swarm/catalog"
)

// Bounds on fetching.
const (
	maxAsked       = 64                    // objects asked of one member at once, and not answered
	maxAskedUrgent = 96                    // the same for objects that somebody waits for
	urgentWidth    = 3                     // members asked at once for what somebody waits for
	patience       = 5 * time.Second       // for an answer, before another member is asked
	patienceUrgent = time.Second           // the same for what somebody waits for
	firstRetry     = 50 * time.Millisecond // until the next round through all members; doubles
	lastRetry      = 10 * time.Second      // and no longer than this, unless there are many
	maxRounds      = 12                    // in vain, before others have their turn where there are too many
	maxMissed      = 3                     // questions let pass, beyond which it counts no more what a member should have
	maxStuck       = 64                    // wants that are looked at though who may have them has no room
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

// asked is what one member was asked for and has not answered, and until when
// he may; zero: he let that time pass, but may still answer. late is how many
// more he has let pass than he has answered since, missed how many in all, and
// trial when he may be given another chance.
type asked struct {
	open   map[catalog.Hash]time.Time
	late   int
	missed int
	trial  time.Time
}

// question is a get for one member.
type question struct {
	member int
	hashes []catalog.Hash
}

// fetcher decides which object is asked of whom. Every want is either queued,
// asked for, or parked until its next round. Pure: members are numbers, now is
// a parameter. Owned by the loop.
type fetcher struct {
	wants   map[catalog.Hash]*want
	urgent  []*want // queued
	lanes           // of the others
	parked  []*want
	members map[int]*asked
}

func newFetcher() *fetcher {
	return &fetcher{wants: make(map[catalog.Hash]*want), lanes: newLanes(), members: make(map[int]*asked)}
}

// join adds a member. He is asked for what is parked.
func (f *fetcher) join(id int) {
	f.members[id] = &asked{open: make(map[catalog.Hash]time.Time)}
	for _, w := range f.parked {
		if len(w.tried) == 0 {
			w.rounds = 0 // there was nobody
		}
		f.unpark(w)
		f.enqueue(w)
	}
	f.parked = nil
}

// leave removes a member. What he was asked for is asked of others.
func (f *fetcher) leave(id int) {
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
func (f *fetcher) want(h catalog.Hash, hints ...int) {
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
func (f *fetcher) wantFor(author catalog.Key, group netip.Prefix, list []catalog.Hash, hints ...int) {
	if len(list) == 0 {
		return
	}
	l := f.lane(author, group)
	defer f.tidy(l)
	for _, h := range list {
		w := f.wants[h]
		fresh := w == nil
		if fresh {
			w = &want{hash: h}
		}
		before := len(w.lanes)
		if !f.add(w, l) && fresh {
			return // nor is there room for the rest
		}
		f.wants[h] = w
		f.hint(w, hints)
		switch {
		case fresh:
			f.enqueue(w)
		case w.queued && !w.urgent && len(w.lanes) > before:
			l.queue = append(l.queue, w)
			f.ringIn(l)
		}
	}
}

func (f *fetcher) hint(w *want, hints []int) {
	for _, id := range hints {
		if f.members[id] != nil && !slices.Contains(w.hints, id) {
			w.hints = append(w.hints, id)
		}
	}
}

// drop gives an object up.
func (f *fetcher) drop(h catalog.Hash) {
	if w := f.wants[h]; w != nil {
		w.over = true
		f.remove(w)
		delete(f.wants, h)
	}
}

func (f *fetcher) enqueue(w *want) {
	if w.queued || w.over {
		return
	}
	w.queued = true
	if w.urgent {
		f.urgent = append(f.urgent, w)
	} else {
		f.push(w)
	}
}

// got notes that a member has sent an object. asked: he was asked for it;
// authors are some whose catalogues need it.
func (f *fetcher) got(id int, h catalog.Hash) (authors []catalog.Key, asked bool) {
	if !f.answered(id, h) {
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

// answered notes that a member has answered. False if he was not asked.
func (f *fetcher) answered(id int, h catalog.Hash) bool {
	m := f.members[id]
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

// none notes that a member does not have an object. asked: he was asked for it.
func (f *fetcher) none(id int, h catalog.Hash) (asked bool) {
	m := f.members[id]
	if m == nil {
		return false
	}
	until := m.open[h]
	if asked = f.answered(id, h); asked {
		f.unanswered(h, until)
	}
	return asked
}

// unanswered lets a want go to the next member, if until says that its answer
// was still awaited.
func (f *fetcher) unanswered(h catalog.Hash, until time.Time) {
	w := f.wants[h]
	if w == nil || until.IsZero() {
		return
	}
	w.asked = max(w.asked-1, 0)
	f.enqueue(w)
}

// expire gives up waiting for answers that are late.
func (f *fetcher) expire(now time.Time) {
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
		f.unpark(w)
		if waits {
			w.tried = nil
			f.enqueue(w)
		}
	}
	clear(f.parked[len(still):])
	f.parked = still
}

// assign returns what is to be asked of whom now.
func (f *fetcher) assign(now time.Time) []question {
	var asks []question
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
	for len(waiting) < maxStuck && f.room(now) {
		w, l := f.next()
		if w == nil {
			break
		}
		if w.queued = !f.place(w, now, &asks); w.queued {
			waiting, from = append(waiting, w), append(from, l)
		}
	}
	for i, w := range waiting {
		f.back(w, from[i])
	}
	return asks
}

// room reports whether anybody can be asked for more.
func (f *fetcher) room(now time.Time) bool {
	for _, m := range f.members {
		if len(m.open) < maxAsked && (m.late == 0 || !m.trial.After(now)) {
			return true
		}
	}
	return len(f.members) == 0 // what is queued is parked
}
