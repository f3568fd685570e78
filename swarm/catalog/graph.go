package catalog

import "time"

// ref notes a reference to an object and returns its node, which may not be
// here yet.
func (s *State) ref(h Hash) *node {
	n := s.nodes[h]
	if n == nil {
		n = &node{}
		s.nodes[h] = n
	}
	n.refs++
	delete(s.garbage, h)
	return n
}

// unref takes a reference back. What is complete and has no other then becomes
// garbage, for views may still show it. The rest was never shown and is deleted
// at once, with all that it referred to: else it would go on being fetched.
func (s *State) unref(h Hash) {
	for pending := []Hash{h}; len(pending) > 0; {
		h, pending = pending[len(pending)-1], pending[:len(pending)-1]
		n := s.nodes[h]
		switch n.refs--; {
		case n.refs > 0:
		case n.complete:
			s.garbage[h] = s.now
		default:
			s.deleteNode(h, n)
			pending = append(pending, n.kids...)
		}
	}
}

// deleteNode deletes a node that nothing refers to. Its kids lose a reference:
// the caller's to take back.
func (s *State) deleteNode(h Hash, n *node) {
	delete(s.garbage, h)
	delete(s.nodes, h)
	for _, k := range n.kids {
		if list := s.parents[k]; len(list) > 0 {
			if s.parents[k] = remove(list, h); len(s.parents[k]) == 0 {
				delete(s.parents, k)
			}
		}
	}
	if n.here {
		s.held -= n.weight()
		s.store.put(func(b *batch) { b.objects[h], b.nodes[h] = nil, nil })
	}
}

// addNode takes in the node of an object that is here. It returns the kids
// that are not.
func (s *State) addNode(h Hash, n *node) (missing []Hash) {
	if was := s.nodes[h]; was != nil {
		n.refs = was.refs
	}
	s.nodes[h] = n
	s.held += n.weight()
	if n.refs == 0 {
		s.garbage[h] = s.now
	}
	spoilt := false
	for _, k := range n.kids {
		kid := s.ref(k)
		if kid.complete {
			continue
		}
		spoilt = spoilt || kid.bad
		n.missing++
		waiting := s.parents[k]
		twice := len(waiting) > 0 && waiting[len(waiting)-1] == h
		if !kid.here && !kid.bad && !twice {
			missing = append(missing, k)
		}
		s.parents[k] = append(waiting, h)
	}
	switch {
	case spoilt:
		s.spoil(h)
	case n.missing == 0:
		s.completed(h)
	}
	return missing
}

// completed notes that nothing under an object is missing any more, and goes
// up from there.
func (s *State) completed(h Hash) {
	for pending := []Hash{h}; len(pending) > 0; {
		h, pending = pending[len(pending)-1], pending[:len(pending)-1]
		n := s.nodes[h]
		if n.complete || n.bad {
			continue
		}
		if !s.sum(h, n) {
			s.spoil(h)
			continue
		}
		n.complete = true
		for _, p := range s.parents[h] {
			parent := s.nodes[p]
			if parent == nil {
				continue
			}
			if parent.missing--; parent.missing == 0 {
				pending = append(pending, p)
			}
		}
		delete(s.parents, h)
		for _, k := range append([]Key(nil), s.roots[h]...) {
			s.showWanted(s.authors[k])
		}
	}
}

// sum adds up what is under a node whose kids are all complete. False if they
// do not fit together.
func (s *State) sum(h Hash, n *node) bool {
	n.entries, n.bytes = int64(n.own), n.weight()
	if n.own > 0 {
		n.height = 1
	}
	for _, k := range n.kids {
		kid := s.nodes[k]
		n.entries = min(n.entries+kid.entries, s.limits.Entries+1)
		n.bytes = min(n.bytes+kid.bytes, s.limits.Author+1)
		if n.level == 0 {
			n.height = max(n.height, kid.height+1)
		} else {
			n.height = max(n.height, kid.height)
		}
	}
	if n.level == 0 {
		return n.height <= MaxDepth
	}
	return s.sumIndex(h, n)
}

// sumIndex checks that an index tells the truth about its children and that
// their names are in order.
func (s *State) sumIndex(h Hash, n *node) bool {
	o, err := s.store.load(h)
	if err != nil || len(o.kids) != len(n.kids) {
		return false
	}
	last := ""
	for i := range o.kids {
		kid := s.nodes[o.kids[i].hash]
		if kid.level != n.level-1 || kid.first == "" || kid.first != o.kids[i].first || kid.first <= last {
			return false
		}
		last = kid.last
	}
	n.first, n.last = o.kids[0].first, last
	return true
}

// spoil notes that an object, or one under it, is not well-formed. Everything
// above is then not either.
func (s *State) spoil(h Hash) {
	for pending := []Hash{h}; len(pending) > 0; {
		h, pending = pending[len(pending)-1], pending[:len(pending)-1]
		n := s.nodes[h]
		if n == nil || n.bad {
			continue
		}
		n.bad = true
		pending = append(pending, s.parents[h]...)
		delete(s.parents, h)
		for _, k := range append([]Key(nil), s.roots[h]...) {
			s.reject(s.authors[k])
		}
	}
}

// collect deletes what has been garbage since before a time, and what becomes
// garbage by that.
func (s *State) collect(before time.Time) {
	for h, since := range s.garbage {
		if since.Before(before) {
			s.collectObject(h)
		}
	}
}

func (s *State) collectObject(h Hash) {
	for pending := []Hash{h}; len(pending) > 0; {
		h, pending = pending[len(pending)-1], pending[:len(pending)-1]
		n := s.nodes[h]
		s.deleteNode(h, n)
		for _, k := range n.kids {
			s.unref(k)
			if _, ok := s.garbage[k]; ok { // has waited with its parent
				pending = append(pending, k)
			}
		}
	}
}
