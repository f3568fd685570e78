package cache

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"
)

// Errors that callers branch on. ErrMissing may come wrapped with what was
// wrong with a piece that has just been dropped.
var (
	ErrMissing  = errors.New("cache: piece is not there")
	ErrClosed   = errors.New("cache: closed")
	ErrInUse    = errors.New("cache: directory is in use by another process")
	ErrFormat   = errors.New("cache: unknown format")
	ErrTooLarge = errors.New("cache: piece is larger than the budget")
	ErrNoRoom   = errors.New("cache: no room: every piece is in use or pinned, or the disk is below its floor")
	ErrKey      = errors.New("cache: malformed key")
	ErrRange    = errors.New("cache: range is not within the piece")
)

// DefaultSize is the budget in bytes when Config.Size is zero.
const DefaultSize = 10 << 30

// DefaultKeepFree is the most that a Store leaves free when Config.KeepFree is
// negative.
const DefaultKeepFree = 512 << 20

// maxOpen bounds the files that are kept open between reads.
const maxOpen = 256

// Config says where a Store is and what it may take. Only Dir must be set.
type Config struct {
	Dir      string // created if need be
	Size     int64  // budget in bytes; 0: DefaultSize
	KeepFree int64  // bytes of the file system that are left free; < 0: DefaultKeepFree, or 5 % of it if that is less

	// OnEvict is told of each piece that the store no longer has, other than
	// by Remove: evicted, found bad, or taken away by somebody else. It is
	// called without a lock held, once a piece, before the same piece can be
	// stored again. It must not wait for a Put or Remove.
	OnEvict func(Key)

	Log *slog.Logger // nil: silent
}

// Store is a directory of pieces. Its methods may be called concurrently.
type Store struct {
	cfg    Config
	log    *slog.Logger
	open   func(path string) (directory, error)
	faults faultLog

	// reviving is held while a directory that was removed is made again. It
	// is not mu because that takes input and output.
	reviving sync.Mutex

	mu  sync.RWMutex // guards the fields below; never held across I/O
	dir directory
	table
	closed bool
}

// Open makes the directory of cfg the cache of this process. It reads every
// name in it, which takes some ten seconds for a million pieces, but no piece.
// Nothing is evicted before the first Put or Trim, so that the caller can pin.
// ErrInUse says that another process (or Store) has it, ErrFormat that it was
// written by another version.
func Open(cfg Config) (*Store, error) {
	s := newStore(cfg)
	if err := s.start(); err != nil {
		return nil, fmt.Errorf("cache %s: %w", cfg.Dir, err)
	}
	return s, nil
}

func newStore(cfg Config) *Store {
	if cfg.Size <= 0 {
		cfg.Size = DefaultSize
	}
	if cfg.OnEvict == nil {
		cfg.OnEvict = func(Key) {}
	}
	s := &Store{
		cfg:   cfg,
		log:   cfg.Log,
		open:  openDir,
		table: newTable(),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// clock returns Unix nanoseconds that no change of the wall clock disturbs.
func clock() func() int64 {
	start := time.Now()
	base := start.UnixNano()
	return func() int64 { return base + int64(time.Since(start)) }
}

func (s *Store) start() error {
	path, err := filepath.Abs(s.cfg.Dir)
	if err != nil {
		return err
	}
	s.cfg.Dir = path
	dir, err := s.open(path)
	if err != nil {
		return err
	}
	if err := checkFormat(dir); err != nil {
		dir.Close()
		return err
	}
	if err := dir.Remove(cleanName); err != nil && !isNotExist(err) {
		s.fault("remove", err) // earlier versions would believe it
	}
	found, err := scan(dir, s.fault)
	if err != nil {
		dir.Close()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dir = dir
	s.adopt(found)
	return nil
}

// Close waits for the pieces being written and lets go of the directory.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.closed = true
	for len(s.busy) > 0 {
		ch := s.anyBusy()
		s.mu.Unlock()
		<-ch
		s.mu.Lock()
	}
	files := s.files
	s.files = nil
	s.mu.Unlock()
	for _, h := range files {
		h.unref()
	}
	return s.dir.Close()
}

// Has reports whether k is there, as far as is known without reading it.
// It does not count as a use.
func (s *Store) Has(k Key) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index[k] != nil
}

// Size returns the length in bytes of k's piece, if it is there.
func (s *Store) Size(k Key) (int64, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.index[k]
	if e == nil {
		return 0, false
	}
	return e.size, true
}

// claim makes the caller the only one to do I/O on k's file, after waiting
// for whoever does, and returns k's entry or nil. Calls of claim do not nest.
func (s *Store) claim(k Key) (*entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.closed {
			return nil, ErrClosed
		}
		ch := s.busy[k]
		if ch == nil {
			break
		}
		s.mu.Unlock()
		<-ch
		s.mu.Lock()
	}
	s.begin(k)
	return s.index[k], nil
}

// unclaim ends a claim.
func (s *Store) unclaim(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(k)
}

// directory returns the directory of the moment.
func (s *Store) directory() directory {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.dir
}
