package state

import "time"

// work is what is to be done besides what the parts have to do themselves. Owned
// by State.
type work struct {
	leaving   []*author  // whose shown head is to be forgotten
	crowded   bool       // bounds are to be enforced
	levelling *levelling // nil: not under way
	turn      bool       // weighing goes before settling
	advancing bool
	broken    bool // a panic came while advancing
}

// Pace makes all that follows from heads and objects wait for Step, so that no
// call takes long.
func (s *State) Pace() { s.pace.left = 0 }

// Step does some of the work that waits, and reports whether there is more.
// Views change by it.
func (s *State) Step() bool {
	s.pace.begin()
	s.advance()
	s.pace.pause()
	return s.busy()
}

func (s *State) busy() bool {
	return s.objects.pending() || s.wants.busy() || len(s.leaving)+len(s.claims.clearing) > 0 ||
		s.settler.now != nil || s.crowded || s.levelling != nil
}

// Visits returns how many objects and entries were looked at since the start.
func (s *State) Visits() int64 { return s.pace.visits }

// Sweep forgets what has expired and deletes what nothing has referred to for
// some time. To be called every minute or so.
func (s *State) Sweep(now time.Time) {
	s.Authors.tell(now)
	for _, a := range s.Authors.expired() {
		s.forget(a)
	}
	s.Authors.dropExpired()
	s.makeRoom()
	s.objects.collect(now.Add(-s.objects.limits.Keep))
}

// forget drops the heads of an author, but not his sequence number.
func (s *State) forget(a *author) {
	s.wants.drop(a)
	s.Authors.save(a)
	s.leaving = append(s.leaving, a)
	s.advance()
}

// makeRoom forgets where there is more than Limits allows.
func (s *State) makeRoom() {
	if s.pace.left <= 0 { // in a State that is paced
		s.crowded = true
		return
	}
	s.Authors.newcomers = 0
	s.pace.spend(len(s.Authors.authors) / 16)
	forgotten := s.Authors.excess(s.objects.limits.Absent)
	for _, a := range forgotten {
		s.forget(a)
	}
	if len(forgotten) > 0 || s.objects.held > s.objects.limits.Drive {
		s.objects.collect(s.pace.now.Add(time.Nanosecond))
	}
	if s.objects.held > s.objects.limits.Drive && s.levelling == nil {
		s.levelling = newLevelling(s.objects, s.Authors.authors)
		s.advance()
	}
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
	for s.pace.left > 0 && s.advanceOne() {
	}
	s.broken = false
}

// abandon gives up what was worked on when a panic came, so that the next step
// does not meet it again.
func (s *State) abandon() {
	s.broken = false
	if t := s.settler.now; t != nil {
		if s.settler.now = nil; t.a.want == t.h {
			s.wants.reject(t.a)
		}
	}
	s.wants.survey, s.levelling = nil, nil
	switch { // in the order in which they are worked on
	case s.objects.pending():
		s.objects.giveUp()
	case len(s.objects.decided) > 0:
		cutLast(&s.objects.decided)
	case len(s.leaving) > 0:
		cutLast(&s.leaving)
	default:
		cutLast(&s.claims.clearing)
	}
}

func cutLast[T any](list *[]T) { *list = (*list)[:max(len(*list)-1, 0)] }

// advanceOne does a little. False if there is nothing to do.
func (s *State) advanceOne() bool {
	switch {
	case s.objects.pending():
		s.objects.run()
	case s.wants.decide():
	case len(s.leaving) > 0:
		s.leave()
	case s.crowded:
		s.crowded = false
		s.makeRoom()
	case s.levelling != nil:
		s.level()
	default:
		s.turn = !s.turn
		return s.turn && s.wants.weigh() || s.settle() || s.wants.weigh() || s.claims.clear()
	}
	return true
}

// leave takes one author who is forgotten out of the view.
func (s *State) leave() {
	s.pace.spend(1 + len(s.ranking.members)/64)
	a := s.leaving[len(s.leaving)-1]
	cutLast(&s.leaving)
	if before := a.shown; before != nil {
		a.shown = nil
		s.claims.drop(a)
		s.ranking.place(a)
		s.objects.unref(before.Root)
	}
	s.Authors.save(a)
}

// level goes on to make room for everybody.
func (s *State) level() {
	a, done := s.levelling.step()
	switch {
	case done:
		s.levelling = nil
	case a == nil:
		return
	case a.want != nil:
		s.wants.drop(a)
		s.Authors.save(a)
	default:
		s.forget(a)
	}
	if a != nil {
		a.refused = s.Authors.clock.elapsed + sizePause
		s.log.Debug("catalogue given up for want of space", "member", a.key.Short())
	}
}

// settle goes on with the head that is to be shown next, and shows it when it is
// settled. False if there is none.
func (s *State) settle() bool {
	switch {
	case s.settler.now == nil && len(s.wants.ready) == 0:
		return false
	case s.settler.now == nil:
		next := s.wants.ready[0]
		s.wants.ready = s.wants.ready[1:]
		s.pace.spend(1)
		if next.a.want == next.h {
			s.settler.begin(next.a)
		}
		return true
	}
	a, err := s.settler.step()
	if err != nil {
		s.log.Error("catalogue store cannot be read", "err", err)
	}
	if a != nil {
		s.show(a)
	}
	return true
}
