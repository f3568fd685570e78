package catalog

// work is what follows from heads and objects and is still to be done. Owned by
// State.
type work struct {
	leaving   []*author // whose shown head is to be forgotten
	showing   []showing // heads that lack nothing, to be shown
	settling  *settling // the one that is next; nil: none
	spare     spare
	clearing  []clearing
	weighing  []Hash  // roots to be weighed
	survey    *survey // of the one that is being weighed; nil: none
	crowded   bool    // bounds are to be enforced
	levelling *levelling
	turn      bool // weighing goes before settling
	advancing bool
	broken    bool // a panic came while advancing
}

// showing is a head that is to be shown, if its author still wants that.
type showing struct {
	a *author
	h *Head
}

// advance does what is queued, until it is to pause.
func (s *State) advance() {
	if s.advancing {
		return
	}
	s.advancing = true
	defer func() {
		if s.advancing = false; s.broken {
			s.abandon()
		}
	}()
	s.broken = true
	for s.left > 0 && s.advanceOne() {
	}
	s.broken = false
}

// abandon gives up what was worked on when a panic came, so that the next step
// does not meet it again.
func (s *State) abandon() {
	s.broken = false
	if t := s.settling; t != nil {
		if s.settling = nil; t.a.want == t.h {
			s.reject(t.a)
		}
	}
	s.survey, s.levelling = nil, nil
	switch { // in the order in which they are worked on
	case len(s.rising) > 0:
		cutLast(&s.rising)
	case len(s.falling) > 0:
		cutLast(&s.falling)
	case len(s.dropped) > 0:
		cutLast(&s.dropped)
	case len(s.decided) > 0:
		cutLast(&s.decided)
	case len(s.leaving) > 0:
		cutLast(&s.leaving)
	default:
		cutLast(&s.clearing)
	}
}

func cutLast[T any](list *[]T) { *list = (*list)[:max(len(*list)-1, 0)] }

// advanceOne does a little. False if there is nothing to do.
func (s *State) advanceOne() bool {
	if s.graph.pending() {
		s.run()
		return true
	}
	if s.decideOne() || s.leaveOne() {
		return true
	}
	if s.crowded {
		s.crowded = false
		s.enforceBounds()
		return true
	}
	if s.levelOne() {
		return true
	}
	s.turn = !s.turn
	return s.turn && s.weighOne() || s.settleOne() || s.weighOne() || s.clearOne()
}

// decideOne shows or refuses one head whose root is complete or bad. False if
// there is none.
func (s *State) decideOne() bool {
	if len(s.decided) == 0 {
		return false
	}
	s.spend(1)
	h := s.decided[len(s.decided)-1]
	n := s.nodes[h]
	for k := range s.roots[h] {
		switch {
		case n.bad:
			s.reject(s.authors[k])
			return true
		case n.complete:
			s.showWanted(s.authors[k])
			return true
		}
	}
	s.decided = s.decided[:len(s.decided)-1]
	return true
}

// leaveOne takes one author who is forgotten out of the view. False if there
// is none.
func (s *State) leaveOne() bool {
	if len(s.leaving) == 0 {
		return false
	}
	s.spend(1 + len(s.members)/64)
	a := s.leaving[len(s.leaving)-1]
	s.leaving = s.leaving[:len(s.leaving)-1]
	if before := a.shown; before != nil {
		a.shown = nil
		s.dropClaims(a)
		s.place(a)
		s.unref(before.Root)
	}
	s.saveAuthor(a)
	return true
}

// stepVisits is how many objects and entries are looked at in a step, or some
// more: one object is looked at as a whole.
const stepVisits = 500

// Pace makes all that follows from heads and objects wait for Step, so that no
// call takes long.
func (s *State) Pace() { s.left = 0 }

// Step does some of the work that waits, and reports whether there is more.
// Views change by it.
func (s *State) Step() bool {
	if s.left = stepVisits + max(s.left, -stepVisits); s.left > 0 {
		s.advance()
	}
	s.left = min(s.left, 0)
	return s.busy()
}

// Visits returns how many objects and entries were looked at since the start.
func (s *State) Visits() int64 { return s.visits }

func (s *State) busy() bool {
	return s.graph.pending() || len(s.decided)+len(s.leaving)+len(s.showing)+len(s.clearing)+len(s.weighing) > 0 ||
		s.settling != nil || s.survey != nil || s.crowded || s.levelling != nil
}
