package cache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
)

// ReadAt fills p from k's piece at off. It returns len(p) or an error:
// ErrMissing when the piece is not there, ErrBad when it turned out bad, ErrRange
// when it does not reach that far. What stands in p after an error is void.
func (s *Store) ReadAt(k Key, p []byte, off int64) (int, error) {
	cause := errChanging
	for range 2 {
		h, err := s.acquire(k)
		if err != nil {
			return 0, err
		}
		if off < 0 || off > h.info.size-int64(len(p)) {
			h.unref()
			return 0, ErrRange
		}
		n, err := h.f.ReadAt(p, off)
		// Looking after the read is enough: a writer moves the mtime and
		// ctime before it changes a byte.
		ok := n == len(p) && h.unchanged()
		if err := h.touch(s.place.directory, s.table); err != nil {
			s.log.Debug("last use not kept", "err", err) // on a read-only disk, say
		}
		if ok {
			h.unref()
			return n, nil
		}
		if err != nil && err != io.EOF {
			cause = err
		}
		s.distrust(h)
	}
	return 0, s.drop(k, cause)
}

// errChanging says that a piece was good, and was not a moment later.
var errChanging = errors.New("its file keeps changing")

// Verify hashes k's piece now, whatever is believed of it. A bad one is
// dropped and ErrBad returned.
func (s *Store) Verify(k Key) error {
	h, err := s.acquire(k)
	if err != nil {
		return err
	}
	s.distrust(h)
	if h, err = s.acquire(k); err == nil {
		h.unref()
	}
	return err
}

// acquire returns the open file of k's piece, verified at least once, with a
// reference for the caller.
func (s *Store) acquire(k Key) (*handle, error) {
	s.table.mu.RLock()
	if s.table.closed {
		s.table.mu.RUnlock()
		return nil, ErrClosed
	}
	e := s.table.index[k]
	if e == nil {
		s.table.mu.RUnlock()
		return nil, ErrMissing
	}
	e.use.Store(s.table.now())
	if h := e.handle; h != nil {
		h.refs.Add(1)
		s.table.mu.RUnlock()
		return h, nil
	}
	s.table.mu.RUnlock()

	e, err := s.table.claim(k)
	if err != nil {
		return nil, err
	}
	defer s.table.unclaim(k)
	if e == nil {
		return nil, ErrMissing
	}
	return s.openEntry(e)
}

// openEntry opens the file of e, whose key is claimed, and hashes it unless
// it is known to be good. It returns a reference for the caller, or drops e.
func (s *Store) openEntry(e *entry) (*handle, error) {
	s.table.mu.RLock()
	h, verified := e.handle, e.verified
	if h != nil {
		h.refs.Add(1)
	}
	s.table.mu.RUnlock()
	if h != nil {
		return h, nil
	}
	f, in, err := openPiece(s.place.directory(), e, verified)
	if isTransient(err) {
		s.faults.note("open", err)
		return nil, fmt.Errorf("cache: %w", err)
	}
	if err != nil {
		return nil, s.dropClaimed(e, err)
	}
	h = newHandle(e, f, in)
	h.refs.Add(1)
	s.table.mu.Lock()
	s.table.account(e, in)
	e.verified = true
	out := s.table.keepOpen(h)
	s.table.mu.Unlock()
	if out != nil {
		out.unref()
	}
	return h, nil
}

var errBad = errors.New("its content is not what its name says")

// openPiece opens e's file and hashes it, unless it is the one that verified
// speaks of.
func openPiece(dir directory, e *entry, verified bool) (file, info, error) {
	f, err := dir.Open(pathName(e.key))
	if err != nil {
		return nil, info{}, err
	}
	in, err := f.Info()
	switch {
	case err != nil:
	case !in.regular || in.size != e.size:
		err = errBad
	case !verified || !e.is(in):
		err = hashPiece(dir, e, f, in)
	}
	if err != nil {
		f.Close()
		return nil, info{}, err
	}
	return f, in, nil
}

// hashPiece returns nil if f, opened as e's file and then described by in, is
// e's piece and not a link to one.
func hashPiece(dir directory, e *entry, f file, in info) error {
	named, _, err := dir.Lstat(pathName(e.key))
	if err != nil {
		return err
	}
	if !named.regular || named.ino != in.ino {
		return errBad
	}
	ok, err := verify(e.key, f, e.size)
	if err == nil && !ok {
		err = errBad
	}
	return err
}

// distrust takes back what was believed of h's piece, and the caller's
// reference to it.
func (s *Store) distrust(h *handle) {
	s.table.mu.Lock()
	e := h.entry
	var out *handle
	if e.handle == h || e.handle == nil {
		e.verified = false
		out = s.table.forget(e)
	}
	s.table.mu.Unlock()
	if out != nil {
		out.unref()
	}
	h.unref()
}

// isTransient reports an error that says nothing about the piece itself.
func isTransient(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM) ||
		errors.Is(err, fs.ErrPermission) // it may be given back, and the file still counts
}

// drop removes k's piece from the store because of cause, and returns an
// ErrBad that says so.
func (s *Store) drop(k Key, cause error) error {
	e, err := s.table.claim(k)
	if err != nil {
		return err
	}
	defer s.table.unclaim(k)
	if e == nil {
		return ErrMissing
	}
	return s.dropClaimed(e, cause)
}

// dropClaimed is drop for an entry whose key is claimed.
func (s *Store) dropClaimed(e *entry, cause error) error {
	s.discard(e, cause)
	s.faults.note("piece dropped", cause)
	s.cfg.OnEvict(e.key)
	return fmt.Errorf("%w: %s dropped: %w", ErrBad, fileName(e.key), cause)
}

// discard takes e, whose key is claimed, out of the table and off the disk,
// unless the cause is that its file is not there.
func (s *Store) discard(e *entry, cause error) {
	s.take(e)
	if !isNotExist(cause) {
		s.litter.remove(s.place.directory(), e.key, pathName(e.key))
	}
}
