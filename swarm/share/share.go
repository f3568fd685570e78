package share

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/kv"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share/hasher"
	"p2pfs/swarm/share/inode"
	"p2pfs/swarm/share/published"
	"p2pfs/swarm/share/record"
	"p2pfs/swarm/share/serve"
	"p2pfs/swarm/share/settle"
	"p2pfs/swarm/share/watch"
)

// IgnoreFile is the name of the files, one in any directory, that list what
// is not published: in the form of gitignore(5), for their directory and
// everything below it.
const IgnoreFile = ".p2pfsignore"

const dbName = "hashes.db"

// Errors that callers branch on. A path or hash that is not published is
// fs.ErrNotExist.
var (
	// ErrLocked says that another process uses the state directory.
	ErrLocked = kv.ErrLocked
	// ErrChanged says that a file is not what was published any more. It
	// is looked at again.
	ErrChanged = serve.ErrChanged
	// ErrClosed says that the Share is closed.
	ErrClosed = serve.ErrClosed
)

// Config is what a Share is made from. Dir and State must be given.
type Config struct {
	Dir   string // the share directory; made if missing
	State string // directory for the hash database; made if missing

	// Params returns further keys for the info dictionaries of the file
	// with this pieces root; nil for none. It must be a pure function and
	// safe for concurrent use.
	Params func(root metainfo.Hash256) metainfo.Options

	// OnChange, unless nil, is called with what is different in what Files
	// returns, for the first time, with All, when the first scan is done. It
	// is called from one goroutine, at most every 50 ms, and must not call
	// Close. While it runs nothing else waits for it, and what changes is
	// told together. If it panics the next Delta is All.
	OnChange func(Delta)

	// Guard keeps a panic over one file, or in OnChange, from ending more;
	// nil makes one that logs to Log.
	Guard *guard.Guard
	Log   *slog.Logger // nil: silence

	test hooks
}

// hooks are what tests replace.
type hooks struct {
	timing  *timing
	watcher func() (watcher, error)
	writers func(*os.File) inode.Writing
	hash    func(*os.File, *hasher.Job) (hashing.FileHashes, error)
	maxOpen int
	walked  func() // after each look at everything
	place   string // see record.Config
	sync    func(dev uint64) error
	unsaved int // see record.Config.Most
}

// timing is when things happen. Tests have their own.
type timing struct {
	settle.Timing
	rescan  time.Duration // between looks at everything
	unseen  time.Duration // the same where not all directories could be watched
	missing time.Duration // between looks for a share directory that is gone
	again   time.Duration // after an error in reading a file
	pace    time.Duration // between publications
	maxPace time.Duration // the same, however much one costs
	lag     time.Duration // behind a change, for what belongs to it: both ends of a rename
	hold    time.Duration // at most, for a publication while there is more to look at
}

func defaultTiming() timing {
	return timing{
		Timing:  settle.Timing{Still: 2 * time.Second, Old: 10 * time.Second},
		rescan:  time.Minute,
		unseen:  5 * time.Second,
		missing: time.Second,
		again:   time.Minute,
		pace:    50 * time.Millisecond,
		maxPace: 500 * time.Millisecond,
		lag:     10 * time.Millisecond,
		hold:    250 * time.Millisecond,
	}
}

// Share publishes a directory. All methods are safe for concurrent use, and
// none but Close waits for a scan or for hashing.
type Share struct {
	cfg      Config
	log      *slog.Logger
	timing   timing
	folder   *folder
	db       *kv.DB
	records  *record.Store
	torrents hasher.Torrents
	pool     *hasher.Pool
	set      *published.Set
	out      *published.Outbox
	serve    *serve.Files
	doubts   *doubts
	counts   atomic.Pointer[counts]
	scanned  chan struct{} // closed after the first scan

	stop   context.CancelFunc
	wg     sync.WaitGroup
	closed sync.Once
	err    error // of Close
}

// Open begins to publish cfg.Dir and returns at once: Files is empty until the
// first scan is done, see Scanned. When ctx ends nothing is scanned or hashed
// any more; what is published can be read until Close, which must be called
// in any case. The error wraps ErrLocked if another process uses cfg.State.
func Open(ctx context.Context, cfg Config) (*Share, error) {
	s := &Share{
		cfg:      cfg,
		log:      cfg.Log,
		timing:   defaultTiming(),
		torrents: hasher.Torrents{Params: cfg.Params},
		set:      published.NewSet(),
		doubts:   newDoubts(),
		scanned:  make(chan struct{}),
	}
	s.out = published.NewOutbox(s.set)
	s.counts.Store(new(counts))
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.cfg.Guard == nil {
		s.cfg.Guard = guard.New(s.log)
	}
	if t := cfg.test.timing; t != nil {
		s.timing = *t
	}
	if err := s.openFolder(); err != nil {
		return nil, fmt.Errorf("share: %w", err)
	}
	if err := s.openRecords(); err != nil {
		s.folder.close()
		return nil, fmt.Errorf("share: %w", err)
	}
	s.serve = serve.New(serve.Config{
		Set: s.set, Records: s.records, Open: s.folder.open, Doubt: s.doubts.add, MaxOpen: cfg.test.maxOpen,
	})
	ctx, s.stop = context.WithCancel(ctx)
	s.start(ctx)
	return s, nil
}

func (s *Share) openFolder() (err error) {
	if s.cfg.Dir == "" || s.cfg.State == "" {
		return errors.New("no directory given")
	}
	if err := os.MkdirAll(s.cfg.State, 0o700); err != nil {
		return err
	}
	if s.folder, err = openFolder(s.cfg.Dir); err != nil {
		return err
	}
	if err = checkApart(s.cfg.Dir, s.cfg.State); err != nil {
		s.folder.close()
	}
	return err
}

func (s *Share) openRecords() (err error) {
	if s.db, err = record.OpenDB(filepath.Join(s.cfg.State, dbName), s.log); err != nil {
		return err
	}
	cfg := record.Config{DB: s.db, Disks: s.folder.disks, Place: inode.Place(s.cfg.Dir), Most: s.cfg.test.unsaved, Log: s.log}
	if h := s.cfg.test; h.place != "" {
		cfg.Place = h.place
	}
	if h := s.cfg.test; h.sync != nil {
		cfg.Disks = testDisks{s.folder.disks, h.sync}
	}
	if s.records, err = record.Open(cfg); err != nil {
		s.db.Close()
	}
	return err
}

// testDisks are disks that a test syncs.
type testDisks struct {
	*inode.Disks
	sync func(dev uint64) error
}

func (d testDisks) Sync(dev uint64) error { return d.sync(dev) }

func (s *Share) start(ctx context.Context) {
	h := s.cfg.test
	if h.writers == nil {
		h.writers = inode.Writers
	}
	s.pool = hasher.New(ctx, hasher.Config{
		Open: s.folder.open, Writers: h.writers, Disks: s.folder.disks, Records: s.records,
		Torrents: s.torrents, Guard: s.cfg.Guard, Hash: h.hash,
	})
	if h.watcher == nil {
		h.watcher = func() (watcher, error) { return watch.New() }
	}
	w, err := h.watcher()
	if err != nil {
		s.log.Warn("changes are found by looking for them only", "err", err)
		w = nil
	}
	l := newLoop(ctx, s, w)
	s.wg.Go(l.run)
	s.wg.Go(func() { s.tell(ctx) })
}

// tell calls OnChange.
func (s *Share) tell(ctx context.Context) {
	for {
		select {
		case <-s.out.Ready():
			if s.cfg.OnChange == nil {
				continue
			}
			if s.cfg.Guard.Do(func() { s.cfg.OnChange(s.out.Take()) }) != nil {
				s.out.Forget()
			}
		case <-ctx.Done():
			return
		}
	}
}

// Close ends everything and waits for it, for as long as a read of the disk
// takes. Results of hashing that are complete are saved.
func (s *Share) Close() error {
	s.closed.Do(func() {
		s.stop()
		s.wg.Wait()
		for _, r := range s.pool.Wait() {
			if r.Err == nil && r.Hashes != nil {
				s.records.Put(r.Job.ID, r.Summary, r.Hashes)
			}
		}
		s.serve.Close()
		s.records.Close()
		s.err = errors.Join(s.db.Close(), s.folder.close())
	})
	return s.err
}

// Scanned returns a channel that is closed when the first scan is done: Files
// then lists all that had been hashed before.
func (s *Share) Scanned() <-chan struct{} { return s.scanned }
