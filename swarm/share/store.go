package share

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"p2pfs/swarm/kv"
	"p2pfs/swarm/lru"
)

const (
	retryCommit   = 10 * time.Second // after the disk refused one
	maxUnsaved    = 16 << 20         // bytes of hashes not yet on disk; then hashing pauses
	recentHashes  = 8 << 20          // bytes of hashes kept in memory after use
	commitBatch   = 2000             // records a transaction
	sweepKeys     = 500              // records a transaction of sweep
	goneRetention = 30 * 24 * time.Hour
)

// store keeps hash results in a bbolt file. What is put is visible at once and
// on disk when saved has reached the number that put gave. Safe for concurrent
// use.
//
// Its mutex is held for map operations only, never across a transaction.
type store struct {
	storeConfig
	db    *kv.DB
	epoch atomic.Int64 // of the records that are trusted

	mu         sync.Mutex
	pending    map[ident]change // not yet handed to a transaction
	committing map[ident]change // in one
	unsaved    int              // bytes of hashes in both
	seq        uint64           // number of the last put
	recent     *lru.Map[ident, *hashes]
	live       map[ident]struct{} // asks run to sweep

	saved   atomic.Uint64
	wake    chan struct{} // room for one: there is something to do
	notify  chan struct{} // room for one: saved has grown
	stop    chan struct{}
	stopped sync.WaitGroup
}

// change is what is to happen to one record.
type change struct {
	sum  summary
	h    *hashes // nil: leave them
	drop bool
	seq  uint64
}

func (c change) bytes() int {
	if c.h == nil {
		return 0
	}
	return c.h.bytes()
}

// storeConfig is what a store is made from. Only path must be set.
type storeConfig struct {
	path  string
	place string // see run
	// sync waits until a filesystem's data is on disk; errNoDisk if it is
	// gone. Nil: nothing is waited for.
	sync func(dev uint64) error
	all  func() []uint64 // filesystems that sync knows
	log  *slog.Logger
}

// openStore opens or makes the database at path. A damaged one is set aside.
// One of another version, or of another program, is refused.
func openStore(cfg storeConfig) (*store, error) {
	if cfg.sync == nil {
		cfg.sync = func(uint64) error { return nil }
		cfg.all = func() []uint64 { return nil }
	}
	s := &store{
		storeConfig: cfg,
		pending:     make(map[ident]change),
		recent:      lru.New[ident, *hashes](recentHashes),
		wake:        make(chan struct{}, 1),
		notify:      make(chan struct{}, 1),
		stop:        make(chan struct{}),
	}
	db, err := openDB(cfg.path, cfg.log)
	if err != nil {
		return nil, err
	}
	s.db = db
	if err := s.beginRun(); err != nil {
		db.Close()
		return nil, fmt.Errorf("share: %w", err)
	}
	s.stopped.Go(s.run)
	return s, nil
}

// trusted reports whether a record is of this epoch.
func (s *store) trusted(sum summary) bool { return sum.epoch == s.epoch.Load() }

func (s *store) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// put files a result under id. h nil leaves the hashes that are there. It
// returns the number to compare saved with.
func (s *store) put(id ident, sum summary, h *hashes) uint64 {
	return s.change(id, change{sum: sum, h: h})
}

// drop removes what is filed under id.
func (s *store) drop(id ident) { s.change(id, change{drop: true}) }

func (s *store) change(id ident, c change) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	c.seq = s.seq
	if old, ok := s.pending[id]; ok && c.h == nil && !c.drop {
		c.h = old.h
	}
	s.unsaved += c.bytes() - s.pending[id].bytes()
	s.pending[id] = c
	switch {
	case c.drop:
		s.recent.Remove(id)
	case c.h != nil:
		s.recent.Put(id, c.h, c.h.bytes())
	}
	s.poke()
	return c.seq
}

// full reports whether so much waits for the disk that no more should be
// hashed.
func (s *store) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unsaved > maxUnsaved
}

// unwritten returns what the database does not have yet of id.
func (s *store) unwritten(id ident) (change, bool) {
	if c, ok := s.pending[id]; ok {
		if old, ok := s.committing[id]; ok && c.h == nil && !c.drop {
			c.h = old.h
		}
		return c, true
	}
	c, ok := s.committing[id]
	return c, ok
}

// sweep asks for the removal of what belongs to no ident in live and has not
// for a month. It does not wait, and keeps live.
func (s *store) sweep(live map[ident]struct{}) {
	s.mu.Lock()
	s.live = live
	s.mu.Unlock()
	s.poke()
}

// close writes what is pending and closes the database, after noting that the
// run ended well, if all that was hashed is on disk.
func (s *store) close() error {
	close(s.stop)
	s.stopped.Wait()
	var err error
	for _, dev := range s.all() {
		if e := s.sync(dev); e != nil && !errors.Is(e, errNoDisk) {
			err = errors.Join(err, e)
		}
	}
	if err == nil {
		err = s.endRun()
	}
	if err != nil {
		s.log.Warn("shared files are verified as they are read, at the next start", "err", err)
	}
	return s.db.Close()
}

// take hands everything pending to the caller, which is run.
func (s *store) take() (batch map[ident]change, last uint64, live map[ident]struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	live, s.live = s.live, nil
	if len(s.pending) > 0 {
		batch, s.pending = s.pending, make(map[ident]change)
		s.committing = batch
	}
	return batch, s.seq, live
}

// finish ends what take began; err puts everything back.
func (s *store) finish(batch map[ident]change, last uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committing = nil
	if err != nil {
		for id, c := range s.pending {
			if old, ok := batch[id]; ok && c.h == nil && !c.drop {
				c.h = old.h
			}
			batch[id] = c
		}
		s.pending = batch
	} else {
		s.saved.Store(last)
	}
	s.unsaved = 0
	for c := range maps.Values(s.pending) {
		s.unsaved += c.bytes()
	}
	select {
	case s.notify <- struct{}{}:
	default:
	}
}
