package share

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"p2pfs/swarm/metainfo"
)

// Reader reads the contents that a pieces root and a size name, from whichever published
// file has them. It holds no descriptor unless Keep was called, and is safe
// for concurrent use.
//
// Before bytes are given, the open file is asked whether it still has the
// size, time and inode that were hashed, and afterwards again. Where only its
// change time is another one (it was renamed, or its mode set, or somebody
// put the modification time back), each piece is verified against its hash
// before any of it is given.
type Reader struct {
	s  *Share
	of metainfo.Content

	mu   sync.Mutex // guards what follows; never held while waiting
	last ident      // what was read last
	kept *openFile
}

// Reader returns a Reader for a published file. The error is fs.ErrNotExist if
// nothing published has these contents.
func (s *Share) Reader(c metainfo.Content) (*Reader, error) {
	e, ok := s.index.first(c)
	if !ok {
		return nil, fmt.Errorf("share: root %s of %d bytes: %w", c.Root, c.Size, fs.ErrNotExist)
	}
	return &Reader{s: s, of: c, last: e.id}, nil
}

// Size returns the length of the contents in bytes.
func (r *Reader) Size() int64 { return r.of.Size }

// Keep opens the file now and keeps it open until Close, so that it can be
// read to the end even if its name is removed or given to another file.
func (r *Reader) Keep() error {
	of, err := r.acquire()
	if err != nil {
		return err
	}
	r.mu.Lock()
	of, r.kept = r.kept, of
	r.mu.Unlock()
	if of != nil {
		r.s.open.release(of)
	}
	return nil
}

// Close ends what Keep began. It is not needed without it.
func (r *Reader) Close() error {
	r.mu.Lock()
	of := r.kept
	r.kept = nil
	r.mu.Unlock()
	if of != nil {
		r.s.open.release(of)
	}
	return nil
}

func (r *Reader) acquire() (*openFile, error) {
	r.mu.Lock()
	last := r.last
	r.mu.Unlock()
	of, err := r.s.open.acquire(r.of, last)
	if err != nil {
		return nil, err
	}
	if of.e.id != last {
		r.mu.Lock()
		r.last = of.e.id
		r.mu.Unlock()
	}
	return of, nil
}

// attempts is how often a read begins anew when the file changes under it:
// another with the same contents may be there.
const attempts = 3

// ReadAt is io.ReaderAt. The error is ErrChanged if no file has the contents
// any more, fs.ErrNotExist if none is published, or that of the disk.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("share: negative offset %d", off)
	}
	if off >= r.of.Size {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), r.of.Size-off)]
	if err := r.try(want, off); err != nil {
		return 0, err
	}
	if len(want) < len(p) {
		return len(want), io.EOF
	}
	return len(want), nil
}

// try fills p from an open file that is as it was published, before and after.
func (r *Reader) try(p []byte, off int64) error {
	var err error
	for range attempts {
		var of *openFile
		if of, err = r.acquire(); err != nil {
			return err
		}
		if err = r.s.guarded(of, p, off); err == nil {
			r.s.open.release(of)
			return nil
		}
		if errors.Is(err, ErrChanged) {
			r.s.open.discard(of)
		}
		r.s.open.release(of)
		if !errors.Is(err, ErrChanged) && !errors.Is(err, errStale) {
			return err
		}
	}
	return ErrChanged
}

// guarded checks, reads and checks again. errStale asks for another attempt.
func (s *Share) guarded(of *openFile, p []byte, off int64) error {
	before, err := s.check(of)
	if err != nil {
		return err
	}
	if before.ctime != of.trusted.Load() {
		if err := s.verify(of, before.ctime, off, int64(len(p))); err != nil {
			return err
		}
	}
	if _, err := of.f.ReadAt(p, off); err != nil {
		if errors.Is(err, io.EOF) {
			err = ErrChanged // it was cut
			s.poke(of.e, pokeLook)
		}
		return err
	}
	after, err := s.check(of)
	if err == nil && after.ctime != before.ctime {
		err = errStale
	}
	return err
}

// check asks the open file whether it is what was published.
func (s *Share) check(of *openFile) (meta, error) {
	m, err := statFile(of.f, of.e.Path)
	if err == nil && m.ident != of.e.id {
		s.poke(of.e, pokeLook)
		err = ErrChanged
	}
	return m, err
}
