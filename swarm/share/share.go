package share

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"p2pfs/swarm/guard"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/metainfo"
)

// Errors that callers branch on. A path or hash that is not published is
// fs.ErrNotExist.
var (
	// ErrChanged says that a file is not what was published any more. It
	// is looked at again.
	ErrChanged = errors.New("share: file changed since it was published")
	// ErrClosed says that the Share is closed.
	ErrClosed = errors.New("share: closed")
)

// Config is what a Share is made from. Dir and State must be given.
type Config struct {
	Dir   string // the share directory; made if missing
	State string // directory for hashes.db; made if missing

	// Params returns further keys for the info dictionaries of the file
	// with this pieces root; nil for none. It must be a pure function and
	// safe for concurrent use.
	Params func(root metainfo.Hash256) metainfo.Options

	// OnChange, unless nil, is called after what Files returns has
	// changed, for the first time when the first scan is done. It is
	// called from one goroutine, at most every 50 ms, and must not call
	// Close. While it runs nothing else waits for it.
	OnChange func()

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
	writers func(*os.File) leaseState
	hash    func(*os.File, *job) (hashing.FileHashes, error)
	maxOpen int
	walked  func() // after each look at everything
	place   string // see run
	sync    func(dev uint64) error
}

// Share publishes a directory. All methods are safe for concurrent use, and
// none but Close waits for a scan or for hashing.
type Share struct {
	cfg     Config
	log     *slog.Logger
	timing  timing
	store   *store
	index   *index
	open    *openFiles
	hashers *hashers
	disks   *disks
	root    atomic.Pointer[os.Root]
	files   atomic.Pointer[[]File]
	counts  atomic.Pointer[counts]
	scanned chan struct{} // closed after the first scan
	notify  chan struct{} // room for one: files has changed
	pokes   *pokes
	writers func(*os.File) leaseState

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
		cfg:     cfg,
		log:     cfg.Log,
		timing:  defaultTiming(),
		index:   newIndex(),
		scanned: make(chan struct{}),
		notify:  make(chan struct{}, 1),
		pokes:   newPokes(),
		writers: writers,
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.cfg.Guard == nil {
		s.cfg.Guard = guard.New(s.log)
	}
	s.open = newOpenFiles(s, maxOpen)
	s.useHooks()
	s.files.Store(new([]File))
	s.counts.Store(new(counts))
	if err := s.openDirs(); err != nil {
		return nil, err
	}
	s.disks = newDisks(func(path string, flags int) (*os.File, error) { return s.root.Load().OpenFile(path, flags, 0) })
	store, err := openStore(s.storeConfig())
	if err != nil {
		s.root.Load().Close()
		return nil, err
	}
	s.store = store
	ctx, s.stop = context.WithCancel(ctx)
	s.start(ctx)
	return s, nil
}

func (s *Share) storeConfig() storeConfig {
	cfg := storeConfig{
		path: filepath.Join(s.cfg.State, storeName), place: placeOf(s.cfg.Dir),
		sync: s.disks.sync, all: s.disks.all, log: s.log,
	}
	if h := s.cfg.test; h.place != "" {
		cfg.place = h.place
	}
	if h := s.cfg.test; h.sync != nil {
		cfg.sync = h.sync
	}
	return cfg
}

func (s *Share) useHooks() {
	if h := s.cfg.test; h.timing != nil {
		s.timing = *h.timing
	}
	if h := s.cfg.test; h.writers != nil {
		s.writers = h.writers
	}
	if h := s.cfg.test; h.maxOpen != 0 {
		s.open.limit = h.maxOpen
	}
}

func (s *Share) openDirs() error {
	for _, dir := range []string{s.cfg.Dir, s.cfg.State} {
		if dir == "" {
			return errors.New("share: no directory given")
		}
	}
	if err := os.MkdirAll(s.cfg.Dir, 0o755); err != nil {
		return fmt.Errorf("share: %w", err)
	}
	if err := os.MkdirAll(s.cfg.State, 0o700); err != nil {
		return fmt.Errorf("share: %w", err)
	}
	if err := checkApart(s.cfg.Dir, s.cfg.State); err != nil {
		return err
	}
	root, err := os.OpenRoot(s.cfg.Dir)
	if err != nil {
		return fmt.Errorf("share: %w", err)
	}
	s.root.Store(root)
	return nil
}

// checkApart refuses directories of which one is inside the other: each save
// of state would be a change to publish.
func checkApart(dir, state string) error {
	a, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("share: %w", err)
	}
	b, err := filepath.EvalSymlinks(state)
	if err != nil {
		return fmt.Errorf("share: %w", err)
	}
	for _, p := range []*string{&a, &b} {
		if *p, err = filepath.Abs(*p); err != nil {
			return fmt.Errorf("share: %w", err)
		}
	}
	if inside(a, b) || inside(b, a) {
		return fmt.Errorf("share: share directory %q and state directory %q must not contain one another", a, b)
	}
	return nil
}

// inside reports whether p is dir, or below it.
func inside(p, dir string) bool {
	rel, err := filepath.Rel(dir, p)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func (s *Share) start(ctx context.Context) {
	s.hashers = newHashers(ctx, s)
	if h := s.cfg.test.hash; h != nil {
		s.hashers.hash = h
	}
	open := newWatcher
	if h := s.cfg.test.watcher; h != nil {
		open = h
	}
	w, err := open()
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
		case <-s.notify:
			if s.cfg.OnChange != nil {
				s.cfg.Guard.Do(s.cfg.OnChange)
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
		s.hashers.save()
		s.open.close()
		s.err = errors.Join(s.store.close(), s.root.Load().Close())
	})
	return s.err
}

// Scanned returns a channel that is closed when the first scan is done: Files
// then lists all that had been hashed before.
func (s *Share) Scanned() <-chan struct{} { return s.scanned }

// Files returns what is published now, sorted by Path in byte order. It costs
// nothing; the list is immutable.
func (s *Share) Files() []File { return *s.files.Load() }

// openFile opens a path of the share directory without following a link at
// its end, waiting for nobody, and makes sure that it is a regular file.
func (s *Share) openFile(path string) (*os.File, meta, error) {
	f, err := s.root.Load().OpenFile(path, openFlags, 0)
	if err != nil {
		return nil, meta{}, err
	}
	m, err := statFile(f, path)
	if err == nil && !m.mode.IsRegular() {
		err = errStale
	}
	if err != nil {
		f.Close()
		return nil, meta{}, err
	}
	return f, m, nil
}
