package serve

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/inode"
)

// Reader reads the contents that a pieces root and a size name, from whichever
// published file has them. It holds no descriptor unless Keep was called, and
// is safe for concurrent use.
type Reader struct {
	s  *Files
	of metainfo.Content

	mu   sync.Mutex // guards what follows; never held while waiting
	last inode.ID   // what was read last
	kept *openFile
}

// Reader returns a Reader for a published file. The error is fs.ErrNotExist if
// nothing published has these contents.
func (s *Files) Reader(c metainfo.Content) (*Reader, error) {
	e, ok := s.Set.ByContent(c)
	if !ok {
		return nil, fmt.Errorf("share: root %s of %d bytes: %w", c.Root, c.Size, fs.ErrNotExist)
	}
	return &Reader{s: s, of: c, last: e.ID}, nil
}

// Size returns the length of the contents in bytes.
func (r *Reader) Size() int64 { return r.of.Size }

// Keep opens the file now and keeps it open until Close, so that it can be
// read to the end even if its name is removed or given to another file.
func (r *Reader) Keep() error {
	of, err := r.acquire()
	if err == nil {
		r.keep(of)
	}
	return err
}

// Close ends what Keep began. It is not needed without it.
func (r *Reader) Close() error {
	r.keep(nil)
	return nil
}

func (r *Reader) keep(of *openFile) {
	r.mu.Lock()
	of, r.kept = r.kept, of
	r.mu.Unlock()
	if of != nil {
		r.s.open.release(of)
	}
}

func (r *Reader) acquire() (*openFile, error) {
	r.mu.Lock()
	last := r.last
	r.mu.Unlock()
	of, err := r.s.acquire(r.of, last)
	if err != nil {
		return nil, err
	}
	if of.e.ID != last {
		r.mu.Lock()
		r.last = of.e.ID
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
	for range attempts {
		of, err := r.acquire()
		if err != nil {
			return err
		}
		err = r.s.read(of, p, off)
		if errors.Is(err, ErrChanged) {
			r.s.open.discard(of)
		}
		r.s.open.release(of)
		if !errors.Is(err, ErrChanged) && !errors.Is(err, inode.ErrStale) {
			return err
		}
	}
	return ErrChanged
}
