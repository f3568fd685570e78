package objects

import (
	"net/netip"

	"p2pfs/swarm/catalog"
)

// Bounds on what is wanted for the sake of others.
const (
	maxLane   = 1024 // objects of one author's catalogue
	maxSource = 8192 // objects of the catalogues of all authors whom one address group brought
	crowd     = 64   // parked wants of a source beyond which each waits longer
)

// lane is the queue of what one author's catalogue lacks.
type lane struct {
	author catalog.Key
	source *source
	queue  []*want // some may have been asked for or given up since
	wants  int     // all of his, queued or not
	ringed bool    // stands in the source's ring
	hungry bool    // stands in the source's list of those
	feedAt int     // wants at which he is asked again what he needs
}

// source is an address group that brought authors.
type source struct {
	group  netip.Prefix
	lanes  int
	wants  int
	parked int
	ring   []*lane // with something queued
	hungry []*lane // that may need more than was taken in
	ringed bool
}

// lanes queues wants by author, and authors by the address group that brought
// them. Each group has its turn, and in it each author: who wants much, or what
// nobody has, delays himself.
type lanes struct {
	byAuthor map[catalog.Key]*lane
	byGroup  map[netip.Prefix]*source
	ring     []*source // with something queued
	hungry   int       // lanes
}

func newLanes() lanes {
	return lanes{byAuthor: make(map[catalog.Key]*lane), byGroup: make(map[netip.Prefix]*source)}
}

// lane returns an author's lane, made if there is none.
func (q *lanes) lane(author catalog.Key, group netip.Prefix) *lane {
	l := q.byAuthor[author]
	if l != nil {
		return l
	}
	s := q.byGroup[group]
	if s == nil {
		s = &source{group: group}
		q.byGroup[group] = s
	}
	s.lanes++
	l = &lane{author: author, source: s}
	q.byAuthor[author] = l
	return l
}

// add counts a want for an author. False if he, or those who came as he did,
// have too many: then it is to be told again when hungry says so.
func (q *lanes) add(w *want, l *lane) bool {
	for _, other := range w.lanes {
		if other.source == l.source {
			return true // one turn of a source is enough
		}
	}
	s := l.source
	if l.wants >= maxLane || s.wants >= maxSource {
		q.starve(l, maxLane/2)
		return false
	}
	l.wants++
	s.wants++
	if w.parked {
		s.parked++
	}
	w.lanes = append(w.lanes, l)
	return true
}

// remove takes a want out of all lanes.
func (q *lanes) remove(w *want) {
	q.unpark(w)
	for _, l := range w.lanes {
		l.wants--
		l.source.wants--
		q.tidy(l)
	}
	w.lanes = nil
}

// tidy forgets a lane with nothing in it.
func (q *lanes) tidy(l *lane) {
	if l.wants > 0 || l.hungry || l.ringed || q.byAuthor[l.author] != l {
		return
	}
	delete(q.byAuthor, l.author)
	if l.source.lanes--; l.source.lanes == 0 {
		delete(q.byGroup, l.source.group)
	}
}

// push queues a want in all its lanes.
func (q *lanes) push(w *want) {
	for _, l := range w.lanes {
		l.queue = append(l.queue, w)
		q.ringIn(l)
	}
}

// back returns a want to the front of the lane that it came from.
func (q *lanes) back(w *want, l *lane) {
	l.queue = append([]*want{w}, l.queue...)
	q.ringIn(l)
}

func (q *lanes) ringIn(l *lane) {
	if !l.ringed {
		l.ringed = true
		l.source.ring = append(l.source.ring, l)
	}
	if s := l.source; !s.ringed {
		s.ringed = true
		q.ring = append(q.ring, s)
	}
}

// next returns the want whose turn it is, and the lane that it was in; nil if
// nothing is queued. It stays marked as queued.
func (q *lanes) next() (*want, *lane) {
	for len(q.ring) > 0 {
		s := q.ring[0]
		q.ring = q.ring[1:]
		w, l := q.nextOf(s)
		if s.ringed = len(s.ring) > 0; s.ringed {
			q.ring = append(q.ring, s)
		}
		if w != nil {
			return w, l
		}
	}
	return nil, nil
}

func (q *lanes) nextOf(s *source) (*want, *lane) {
	for len(s.ring) > 0 {
		l := s.ring[0]
		s.ring = s.ring[1:]
		w := l.pop()
		if l.ringed = len(l.queue) > 0; l.ringed {
			s.ring = append(s.ring, l)
		}
		if w != nil {
			return w, l
		}
		q.tidy(l)
	}
	return nil, nil
}

// pop returns the first want that is still to be asked for, or nil.
func (l *lane) pop() *want {
	for len(l.queue) > 0 {
		w := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		if w.queued && !w.urgent && !w.over {
			return w
		}
	}
	return nil
}

// park notes that a want waits for its next round.
func (q *lanes) park(w *want) {
	if w.parked {
		return
	}
	w.parked = true
	for _, l := range w.lanes {
		l.source.parked++
	}
}

func (q *lanes) unpark(w *want) {
	if !w.parked {
		return
	}
	w.parked = false
	for _, l := range w.lanes {
		l.source.parked--
	}
}

// starve notes that a lane may need more than was taken in: that is to be told
// again when no more than so many wants are left.
func (q *lanes) starve(l *lane, at int) {
	l.feedAt = at
	if !l.hungry {
		l.hungry = true
		l.source.hungry = append(l.source.hungry, l)
		q.hungry++
	}
}

// feed returns authors for whom there is room now and was not before: what their
// catalogues lack is to be told again. At most one of each source.
func (q *lanes) feed() (authors []catalog.Key) {
	if q.hungry == 0 {
		return nil
	}
	for _, s := range q.byGroup {
		if len(s.hungry) == 0 || s.wants > maxSource-maxSource/4 {
			continue
		}
		l := s.hungry[0]
		s.hungry = s.hungry[1:]
		if l.wants > l.feedAt {
			s.hungry = append(s.hungry, l)
			continue
		}
		l.hungry = false
		q.hungry--
		authors = append(authors, l.author)
		q.tidy(l)
	}
	return authors
}
