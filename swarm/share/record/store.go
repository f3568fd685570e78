package record

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"p2pfs/swarm/kv"
	"p2pfs/swarm/share/inode"
)

const (
	version     = 1                // of the database
	retryCommit = 10 * time.Second // after the disk refused one
)

// OpenDB opens or makes a database of records. One that is damaged is set aside:
// it is worth the time to hash again, no more. The error wraps kv.ErrLocked if
// another process has it open, kv.ErrFormat if it is another program's.
func OpenDB(path string, log *slog.Logger) (*kv.DB, error) {
	return kv.Open(kv.Config{
		Path: path, Name: "hashes", Version: version,
		Buckets: [][]byte{bucketFile, bucketPieces, bucketGone, bucketRun},
		Log:     log,
	})
}

// Disks are the filesystems that files are on, by device number.
type Disks interface {
	// Sync waits until what was written to one is on the device. The error
	// is inode.ErrNoDisk if it is gone: records of its files are not stored.
	Sync(dev uint64) error
	// All are those that are known.
	All() []uint64
}

// Config is what a Store is made from.
type Config struct {
	DB    *kv.DB // of OpenDB; the caller closes it, after the Store
	Disks Disks
	Place string // boot of the machine and mount of the files; "": not known
	Most  int    // bytes of hashes that may wait for the disk until it is Full; 0: 8 MiB
	Log   *slog.Logger
}

// Store keeps records.
type Store struct {
	Config
	epoch  atomic.Int64 // of the records that are sound
	behind *behind

	mu   sync.Mutex
	live map[inode.ID]struct{} // asks run to sweep

	wake    chan struct{} // room for one: there is something to do
	written chan struct{} // room for one: something was done
	stop    chan struct{}
	stopped sync.WaitGroup
}

// Open begins a run.
func Open(cfg Config) (*Store, error) {
	s := &Store{
		Config: cfg,
		behind: newBehind(cmp.Or(cfg.Most, maxUnsaved)),

		wake:    make(chan struct{}, 1),
		written: make(chan struct{}, 1),
		stop:    make(chan struct{}),
	}
	if err := s.beginRun(); err != nil {
		return nil, err
	}
	s.stopped.Go(s.run)
	return s, nil
}

// Put files a result. A nil h leaves the hashes that are there.
func (s *Store) Put(id inode.ID, sum Summary, h *Hashes) { s.change(id, change{sum: sum, h: h}) }

// Drop removes what is filed under id.
func (s *Store) Drop(id inode.ID) { s.change(id, change{drop: true}) }

func (s *Store) change(id inode.ID, c change) {
	s.behind.put(id, c)
	s.wakeUp()
}

func (s *Store) wakeUp() { offer(s.wake) }

// offer sends on a channel with room for one, unless that is taken.
func offer(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Full reports whether so much waits for the disk that no more should be
// hashed.
func (s *Store) Full() bool { return s.behind.full() }

// Written yields a value when something was written, so that it may not be Full
// any more.
func (s *Store) Written() <-chan struct{} { return s.written }

// Saved reports whether all that was put is on disk.
func (s *Store) Saved() bool { return s.behind.empty() }

// Sweep asks for the removal of what belongs to no ID in live and has not for a
// month. It does not wait, and keeps live.
func (s *Store) Sweep(live map[inode.ID]struct{}) {
	s.mu.Lock()
	s.live = live
	s.mu.Unlock()
	s.wakeUp()
}

func (s *Store) takeLive() map[inode.ID]struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	live := s.live
	s.live = nil
	return live
}

// Close writes what waits and notes that the run ended well, if all that was
// hashed is on disk.
func (s *Store) Close() {
	close(s.stop)
	s.stopped.Wait()
	var err error
	for _, dev := range s.Disks.All() {
		if e := s.Disks.Sync(dev); e != nil && !errors.Is(e, inode.ErrNoDisk) {
			err = errors.Join(err, e)
		}
	}
	if err == nil {
		err = s.endRun()
	}
	if err != nil {
		s.Log.Warn("shared files are verified as they are read, at the next start", "err", err)
	}
}

// run is the one goroutine that writes. While a transaction waits for the
// disk the next one fills: a burst of small files costs few of them.
func (s *Store) run() {
	retry := time.NewTimer(0)
	defer retry.Stop()
	warned := false
	for stopping := false; !stopping; {
		select {
		case <-s.wake:
		case <-retry.C:
		case <-s.stop:
			stopping = true
		}
		if s.DB.Damaged() {
			s.renew()
		}
		if batch := s.behind.take(); len(batch) > 0 {
			err := s.commit(batch)
			s.behind.finish(err)
			offer(s.written)
			if err != nil {
				retry.Reset(retryCommit)
				if !warned {
					s.Log.Warn("hash results cannot be written", "err", err)
				}
			}
			warned = err != nil
		}
		if live := s.takeLive(); live != nil && !stopping {
			if err := s.collect(live, time.Now()); err != nil {
				s.Log.Debug("sweep of the hash database", "err", err)
			}
		}
	}
}

// renew replaces a database that turned out to be damaged.
func (s *Store) renew() {
	err := s.DB.Renew()
	if err == nil {
		err = s.beginRun()
	}
	if err != nil {
		s.Log.Error("no hash database", "err", err)
	}
}

// view runs a read transaction. All errors are of the database, and none is
// the caller's concern: what cannot be read is not there.
func (s *Store) view(f func(tx *bolt.Tx) error) error {
	err := s.DB.View(f)
	if errors.Is(err, kv.ErrDamaged) {
		s.wakeUp()
	}
	return err
}

// beginRun notes, down to the disk, that a run began.
func (s *Store) beginRun() error {
	err := s.DB.Update(func(tx *bolt.Tx) error {
		last, had := readRun(tx)
		r := last.next(had, s.Place, time.Now())
		if first, _ := tx.Bucket(bucketFile).Cursor().First(); first != nil && r.epoch != last.epoch {
			s.Log.Info("last run did not end well: shared files are verified as they are read")
		}
		s.epoch.Store(r.epoch)
		return r.write(tx)
	})
	if err != nil {
		return fmt.Errorf("hashes: %w", err)
	}
	return nil
}

// endRun notes that the run ended well: all that was hashed is on disk.
func (s *Store) endRun() error {
	return s.DB.Update(run{epoch: s.epoch.Load(), clean: true, place: s.Place}.write)
}
