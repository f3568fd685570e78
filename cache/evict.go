package cache

import "fmt"

// Pin keeps k's piece from being evicted, now or once it is stored, until as
// many calls of Unpin. Pins are not kept on disk.
func (s *Store) Pin(k Key) {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	s.table.pins[k]++
	if e := s.table.index[k]; e != nil {
		s.table.lru.remove(e)
	}
}

// Unpin takes back one Pin.
func (s *Store) Unpin(k Key) {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	if s.table.pins[k] > 1 {
		s.table.pins[k]--
		return
	}
	if s.table.pins[k] == 0 {
		return
	}
	delete(s.table.pins, k)
	if e := s.table.index[k]; e != nil {
		s.table.lru.add(e)
	}
}

// Remove takes k's piece out of the store and its file off the disk, pinned
// or not. Readers that have it open go on. It returns ErrMissing when the
// piece is not there; OnEvict is not called.
func (s *Store) Remove(k Key) error {
	e, err := s.table.claim(k)
	if err != nil {
		return err
	}
	defer s.table.unclaim(k)
	if e == nil {
		return ErrMissing
	}
	s.take(e)
	if err := s.place.directory().Remove(pathName(k)); err != nil && !isNotExist(err) {
		s.table.mu.Lock()
		defer s.table.mu.Unlock()
		s.table.restore(e)
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

// take takes e, whose key is claimed, out of the table.
func (s *Store) take(e *entry) {
	s.table.mu.Lock()
	h := s.table.take(e)
	s.table.mu.Unlock()
	if h != nil {
		h.unref()
	}
}

// Trim evicts until the budget and the floor of free disk are kept, as a Put
// does. ErrNoRoom says that what is left is in use or pinned.
func (s *Store) Trim() error {
	return s.makeRoom(0)
}

// makeRoom reserves need bytes, after evicting what is too much then. The
// caller gives the reservation back by taking it off s.table.reserved.
func (s *Store) makeRoom(need int64) error {
	free, total, known := s.place.directory().Free()
	s.table.mu.Lock()
	if s.table.closed && need == 0 {
		s.table.mu.Unlock()
		return ErrClosed
	}
	s.table.reserved += need
	over := s.table.used - s.table.dying + s.table.reserved - s.cfg.Size
	if known {
		over = max(over, s.cfg.keepFree(total)-(free+s.table.dying-s.table.reserved))
	}
	victims, ok := s.table.takeVictims(over)
	if !ok {
		s.table.reserved -= need
		for _, v := range victims {
			s.table.putBack(v)
		}
		s.table.mu.Unlock()
		return ErrNoRoom
	}
	s.table.mu.Unlock()
	var failed error
	for _, v := range victims {
		if err := s.evict(v); err != nil {
			failed = err
		}
	}
	if failed != nil {
		s.table.mu.Lock()
		s.table.reserved -= need
		s.table.mu.Unlock()
		return fmt.Errorf("cache: %w", failed)
	}
	return nil
}

// evict removes the file of a victim and lets go of its key. When that fails
// the piece is back in the index.
func (s *Store) evict(e *entry) error {
	s.table.mu.Lock()
	h := s.table.forget(e)
	s.table.mu.Unlock()
	if h != nil {
		h.unref()
	}
	err := s.place.directory().Remove(pathName(e.key))
	gone := err == nil || isNotExist(err)
	if gone {
		s.cfg.OnEvict(e.key)
	}
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	if !gone {
		s.table.putBack(e)
		return err
	}
	s.table.buried(e)
	return nil
}

// Pinned reports whether k is pinned, be it there or not.
func (s *Store) Pinned(k Key) bool {
	s.table.mu.RLock()
	defer s.table.mu.RUnlock()
	return s.table.pins[k] > 0
}
