package cache

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
)

// Errors that callers branch on. ErrBad is an ErrMissing, too: the piece was there
// and has just been dropped, because of what it comes wrapped with.
var (
	ErrMissing  = errors.New("cache: piece is not there")
	ErrBad      = fmt.Errorf("%w any more", ErrMissing)
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
	faults *faultLog
	place  *place
	litter litter
	table  *table
}

// Open makes the directory of cfg the cache of this process. It reads every
// name in it, which takes some ten seconds for a million pieces, but no piece.
// Nothing is evicted before the first Put or Trim, so that the caller can pin.
// ErrInUse says that another process (or Store) has it, ErrFormat that it was
// written by another version.
func Open(cfg Config) (*Store, error) {
	s := newStore(cfg)
	if err := start(s); err != nil {
		return nil, fmt.Errorf("cache %s: %w", cfg.Dir, err)
	}
	return s, nil
}

// start lists the directory.
func start(s *Store) error {
	path, err := filepath.Abs(s.cfg.Dir)
	if err != nil {
		return err
	}
	found, err := s.place.start(path)
	if err != nil {
		return err
	}
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	s.table.adopt(found)
	return nil
}

func newStore(cfg Config) *Store {
	if cfg.Size <= 0 {
		cfg.Size = DefaultSize
	}
	if cfg.OnEvict == nil {
		cfg.OnEvict = func(Key) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{cfg: cfg, log: cfg.Log, table: newTable()}
	s.faults = &faultLog{log: cfg.Log, dir: cfg.Dir, now: func() int64 { return s.table.now() }}
	s.place = &place{open: openDir, faults: s.faults, log: cfg.Log}
	s.litter.faults = s.faults
	return s
}

// Close waits for the pieces being written and lets go of the directory.
func (s *Store) Close() error {
	s.table.mu.Lock()
	if s.table.closed {
		s.table.mu.Unlock()
		return ErrClosed
	}
	s.table.closed = true
	for len(s.table.busy) > 0 {
		ch := s.table.anyBusy()
		s.table.mu.Unlock()
		<-ch
		s.table.mu.Lock()
	}
	files := s.table.files
	s.table.files = nil
	s.table.mu.Unlock()
	for _, h := range files {
		h.unref()
	}
	return s.place.directory().Close()
}

// Has reports whether k is there, as far as is known without reading it.
// It does not count as a use.
func (s *Store) Has(k Key) bool {
	s.table.mu.RLock()
	defer s.table.mu.RUnlock()
	return s.table.index[k] != nil
}

// Size returns the length in bytes of k's piece, if it is there.
func (s *Store) Size(k Key) (int64, bool) {
	s.table.mu.RLock()
	defer s.table.mu.RUnlock()
	e := s.table.index[k]
	if e == nil {
		return 0, false
	}
	return e.size, true
}
