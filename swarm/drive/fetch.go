package drive

import (
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
	lastRetry      = 10 * time.Second      // and no longer than this
)

// want is an object that is to be fetched.
type want struct {
	hash   catalog.Hash
	urgent bool
	queued bool
	parked bool  // stands in the list of those, though it may be queued or asked for since
	hints  []int // members who probably have it
	tried  []int // members asked in this round
	asked  int   // how many of them have not answered and still may
	rounds int   // through all members, in vain
	retry  time.Time
}

// outstanding is what one member was asked for and has not answered, and until
// when he may; zero: he let that time pass, but may still answer.
type outstanding map[catalog.Hash]time.Time

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
	queues  [2][]*want // of urgent wants, of others
	parked  []*want
	members map[int]outstanding
}

func newFetcher() *fetcher {
	return &fetcher{wants: make(map[catalog.Hash]*want), members: make(map[int]outstanding)}
}

// join adds a member. What is parked is asked for again.
func (f *fetcher) join(id int) {
	f.members[id] = make(outstanding)
	for _, w := range f.parked {
		w.rounds, w.parked = 0, false
		f.enqueue(w)
	}
	f.parked = nil
}

// leave removes a member. What he was asked for is asked of others.
func (f *fetcher) leave(id int) {
	for h, until := range f.members[id] {
		f.unanswered(h, until)
	}
	delete(f.members, id)
}

// want adds an object, or says more of one that is wanted already.
func (f *fetcher) want(h catalog.Hash, urgent bool, hints ...int) {
	w := f.wants[h]
	if w == nil {
		w = &want{hash: h}
		f.wants[h] = w
		f.enqueue(w)
	}
	for _, id := range hints {
		if f.members[id] != nil && !slices.Contains(w.hints, id) {
			w.hints = append(w.hints, id)
		}
	}
	if urgent && !w.urgent {
		w.urgent, w.queued = true, false
		f.enqueue(w)
	}
}

// drop gives an object up.
func (f *fetcher) drop(h catalog.Hash) { delete(f.wants, h) }

func (f *fetcher) enqueue(w *want) {
	if w.queued || f.wants[w.hash] != w {
		return
	}
	w.queued = true
	if w.urgent {
		f.queues[0] = append(f.queues[0], w)
	} else {
		f.queues[1] = append(f.queues[1], w)
	}
}

// got notes that a member has sent an object. asked: he was asked for it.
func (f *fetcher) got(id int, h catalog.Hash) (asked bool) {
	if _, asked = f.members[id][h]; asked {
		delete(f.members[id], h)
		delete(f.wants, h)
	}
	return asked
}

// none notes that a member does not have an object. asked: he was asked for it.
func (f *fetcher) none(id int, h catalog.Hash) (asked bool) {
	until, asked := f.members[id][h]
	if asked {
		delete(f.members[id], h)
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
	for _, list := range f.members {
		for h, until := range list {
			if !until.IsZero() && !until.After(now) {
				list[h] = time.Time{}
				f.unanswered(h, until)
			}
		}
	}
	still := f.parked[:0]
	for _, w := range f.parked {
		waits := !w.queued && w.asked == 0
		if waits && w.retry.After(now) && f.wants[w.hash] == w {
			still = append(still, w)
			continue
		}
		w.parked = false
		if waits {
			f.enqueue(w)
		}
	}
	clear(f.parked[len(still):])
	f.parked = still
}

// assign returns what is to be asked of whom now.
func (f *fetcher) assign(now time.Time) []question {
	var asks []question
	for q := range f.queues {
		queue := f.queues[q]
		var full []*want // of those who may have it, nobody has room
		i := 0
		for ; i < len(queue) && len(full) < maxAsked; i++ {
			w := queue[i]
			if !w.queued || f.wants[w.hash] != w || w.urgent != (q == 0) {
				continue
			}
			if f.place(w, now, &asks) {
				w.queued = false
			} else {
				full = append(full, w)
			}
		}
		i -= len(full)
		copy(queue[i:], full)
		clear(queue[:i])
		f.queues[q] = queue[i:]
	}
	return asks
}

// place asks members for an object, or parks it where all have been asked. It
// returns false if it must stay queued until somebody has room.
func (f *fetcher) place(w *want, now time.Time, asks *[]question) bool {
	room, wait, width := maxAsked, patience, 1
	if w.urgent {
		room, wait, width = maxAskedUrgent, patienceUrgent, urgentWidth
	}
	untried := 0
	for w.asked < width {
		best, hinted := -1, false
		untried = 0
		for id, list := range f.members {
			if slices.Contains(w.tried, id) || hasKey(list, w.hash) {
				continue
			}
			untried++
			hint := slices.Contains(w.hints, id)
			if len(list) < room && (best < 0 || hint && !hinted || hint == hinted && f.before(id, best)) {
				best, hinted = id, hint
			}
		}
		if best < 0 {
			break
		}
		f.members[best][w.hash] = now.Add(wait)
		w.tried = append(w.tried, best)
		w.asked++
		*asks = addAsk(*asks, best, w.hash)
		if hinted {
			break
		}
	}
	if w.asked == 0 && untried > 0 {
		return false
	}
	if w.asked == 0 {
		f.park(w, now)
	}
	return true
}

func hasKey(list outstanding, h catalog.Hash) bool {
	_, ok := list[h]
	return ok
}

// before prefers members who were asked for less, and else the older one.
func (f *fetcher) before(x, y int) bool {
	if n, m := len(f.members[x]), len(f.members[y]); n != m {
		return n < m
	}
	return x < y
}

// park puts a want off that all members were asked for in vain.
func (f *fetcher) park(w *want, now time.Time) {
	w.tried = nil
	w.retry = now.Add(min(firstRetry<<min(w.rounds, 10), lastRetry))
	w.rounds++
	if !w.parked {
		w.parked = true
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
