package cache

import "fmt"

// Pin keeps k's piece from being evicted, now or once it is stored, until as
// many calls of Unpin. Pins are not kept on disk.
func (s *Store) Pin(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pins[k]++
	if e := s.index[k]; e != nil {
		s.lru.remove(e)
	}
}

// Unpin takes back one Pin.
func (s *Store) Unpin(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pins[k] > 1 {
		s.pins[k]--
		return
	}
	if s.pins[k] == 0 {
		return
	}
	delete(s.pins, k)
	if e := s.index[k]; e != nil {
		s.lru.add(e)
	}
}

// Remove takes k's piece out of the store and its file off the disk, pinned
// or not. Readers that have it open go on. It returns ErrMissing when the
// piece is not there; OnEvict is not called.
func (s *Store) Remove(k Key) error {
	e, err := s.claim(k)
	if err != nil {
		return err
	}
	defer s.unclaim(k)
	if e == nil {
		return ErrMissing
	}
	s.mu.Lock()
	h := s.take(e)
	dir := s.dir
	s.mu.Unlock()
	if h != nil {
		h.unref()
	}
	if err := dir.Remove(pathName(k)); err != nil && !isNotExist(err) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.restore(e)
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

// Trim evicts until the budget and the floor of free disk are kept, as a Put
// does. ErrNoRoom says that what is left is in use or pinned.
func (s *Store) Trim() error {
	return s.makeRoom(0)
}

// makeRoom reserves need bytes, after evicting what is too much then. The
// caller gives the reservation back by taking it off s.reserved.
func (s *Store) makeRoom(need int64) error {
	free, total, known := s.directory().Free()
	s.mu.Lock()
	if s.closed && need == 0 {
		s.mu.Unlock()
		return ErrClosed
	}
	s.reserved += need
	over := s.used - s.dying + s.reserved - s.cfg.Size
	if known {
		over = max(over, s.cfg.keepFree(total)-(free+s.dying-s.reserved))
	}
	victims, ok := s.takeVictims(over)
	dir := s.dir
	if !ok {
		s.reserved -= need
		for _, v := range victims {
			s.putBack(v)
		}
		s.mu.Unlock()
		return ErrNoRoom
	}
	s.mu.Unlock()
	var failed error
	for _, v := range victims {
		if err := s.evict(dir, v); err != nil {
			failed = err
		}
	}
	if failed != nil {
		s.mu.Lock()
		s.reserved -= need
		s.mu.Unlock()
		return fmt.Errorf("cache: %w", failed)
	}
	return nil
}

// evict removes the file of a victim and lets go of its key. When that fails
// the piece is back in the index.
func (s *Store) evict(dir directory, e *entry) error {
	s.mu.Lock()
	h := s.forget(e)
	s.mu.Unlock()
	if h != nil {
		h.unref()
	}
	err := dir.Remove(pathName(e.key))
	gone := err == nil || isNotExist(err)
	if gone {
		s.cfg.OnEvict(e.key)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !gone {
		s.putBack(e)
		return err
	}
	s.buried(e)
	return nil
}

// Pinned reports whether k is pinned, be it there or not.
func (s *Store) Pinned(k Key) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.pins[k] > 0
}
