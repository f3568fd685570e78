package serve

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
	"p2pfs/swarm/share/record"
)

// Errors that callers branch on. What is not published is fs.ErrNotExist.
var (
	// ErrChanged says that a file is not what was published any more.
	ErrChanged = errors.New("share: file changed since it was published")
	// ErrClosed says that the Files are closed.
	ErrClosed = errors.New("share: closed")
)

// Doubt says how much of what is known of a file is wrong.
type Doubt uint8

// The doubts there are, each more than the one before.
const (
	Changed    Doubt = iota // it seems to have changed
	Unreadable              // it cannot be read
	Unhashed                // its hashes are wrong, or lost
)

// Records are the hashes of files.
type Records interface {
	Hashes(id inode.ID) *record.Hashes
	Find(id inode.ID) (record.Summary, bool)
	Put(id inode.ID, sum record.Summary, h *record.Hashes)
}

// Config is what Files are made from. All must be set but MaxOpen.
type Config struct {
	Set     *published.Set
	Records Records
	Open    func(path string) (*os.File, inode.Meta, error) // as inode.Open
	Doubt   func(e *published.Entry, how Doubt)             // must not wait
	MaxOpen int                                             // files kept open; 0: 128
}

// Files are the published ones, for reading.
type Files struct {
	Config
	open *openSet
}

// New returns Files of which none is open.
func New(cfg Config) *Files {
	if cfg.MaxOpen == 0 {
		cfg.MaxOpen = maxOpen
	}
	return &Files{Config: cfg, open: newOpenSet(cfg.MaxOpen)}
}

// Expire closes what has not been used of late, so that deleted files give
// their space back.
func (s *Files) Expire(now time.Time) { s.open.expire(now) }

// Close closes all files; those that a Reader keeps when it is closed.
func (s *Files) Close() { s.open.close() }

// Hashes returns the hashes of a published file. The error is ErrChanged if
// those on record are not what was published, which is out of date then; or
// fs.ErrNotExist if they were lost, and are made again.
func (s *Files) Hashes(e *published.Entry) (*record.Hashes, error) {
	switch h := s.Records.Hashes(e.ID); {
	case h == nil:
		s.Doubt(e, Unhashed)
		return nil, &fs.PathError{Op: "hashes", Path: e.Path(), Err: fs.ErrNotExist}
	case h.Root != e.Root:
		return nil, ErrChanged
	default:
		return h, nil
	}
}

// acquire returns a file with these contents, open, to be released. last is
// what the caller had before: it will do, though it may not be published any
// more.
func (s *Files) acquire(c metainfo.Content, last inode.ID) (*openFile, error) {
	if of, err := s.open.take(last); of != nil || err != nil {
		return of, err
	}
	var problem error = fs.ErrNotExist
	for _, e := range s.Set.AllByContent(c) {
		of, err := s.openEntry(e)
		if of != nil {
			return of, nil
		}
		problem = err
	}
	return nil, problem
}

// openEntry returns a file, open, to be released.
func (s *Files) openEntry(e *published.Entry) (*openFile, error) {
	if of, err := s.open.take(e.ID); of != nil || err != nil {
		return of, err
	}
	f, m, err := s.Open(e.Path())
	if err == nil && m.ID != e.ID {
		f.Close()
		err = ErrChanged
	}
	if err == nil {
		return s.open.add(e, f)
	}
	how := Changed
	if errors.Is(err, fs.ErrPermission) {
		how = Unreadable
	}
	s.Doubt(e, how)
	if inode.Missing(err) || errors.Is(err, inode.ErrStale) {
		err = ErrChanged
	}
	return nil, err
}

// read checks, reads and checks again. inode.ErrStale asks for another attempt.
func (s *Files) read(of *openFile, p []byte, off int64) error {
	before, err := s.check(of)
	if err != nil {
		return err
	}
	if before.CTime != of.trusted.Load() {
		if err := s.verify(of, before.CTime, off, int64(len(p))); err != nil {
			return err
		}
	}
	if _, err := of.f.ReadAt(p, off); err != nil {
		if errors.Is(err, io.EOF) {
			err = ErrChanged // it was cut
			s.Doubt(of.e, Changed)
		}
		return err
	}
	after, err := s.check(of)
	if err == nil && after.CTime != before.CTime {
		err = inode.ErrStale
	}
	return err
}

// check asks the open file whether it is what was published.
func (s *Files) check(of *openFile) (inode.Meta, error) {
	m, err := inode.Stat(of.f, of.path)
	if err == nil && m.ID != of.e.ID {
		s.Doubt(of.e, Changed)
		err = ErrChanged
	}
	return m, err
}

// Verify reads all of a file and compares each piece with its hash, whatever is
// believed of it, and calls done with the bytes of each. The error wraps
// ErrChanged if it is not what was published, else it is that of the disk or of
// ctx. It waits for other readers of the file for one piece at most.
func (s *Files) Verify(ctx context.Context, e *published.Entry, done func(n int64)) error {
	of, err := s.openEntry(e)
	if err != nil {
		return err
	}
	defer s.open.release(of)
	if err = s.verifyAll(ctx, of, done); errors.Is(err, ErrChanged) {
		s.open.discard(of)
		s.Doubt(e, Unhashed)
	}
	return err
}
