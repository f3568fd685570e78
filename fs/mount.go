//go:build linux

package fs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"bazil.org/fuse"
)

// Mountpoint is a Tree that is mounted.
type Mountpoint struct {
	dir    string
	grace  time.Duration
	server *server
	inval  *invalidator
	log    *slog.Logger
	minor  uint32        // of the device number, as mountinfo has it
	gone   chan struct{} // closed when nothing is served and no goroutine is left

	closing sync.Once
	closed  error // what Close returns; set by closing
}

// silent is the log of who gives none.
var silent = slog.New(slog.DiscardHandler)

// readyTime is how long a new mount may take until its root can be listed.
const readyTime = 10 * time.Second

// maxReadahead asks the kernel for as much as it grants.
const maxReadahead = 1 << 20

// Mount mounts cfg.Tree on cfg.Dir and returns when it can be used.
func Mount(cfg Config) (*Mountpoint, error) {
	if cfg.Log == nil {
		cfg.Log = silent
	}
	if cfg.FSName == "" {
		cfg.FSName = subtype
	}
	if cfg.Grace == 0 {
		cfg.Grace = time.Second
	}
	dir, err := prepare(cfg)
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", cfg.Dir, err)
	}
	conn, err := fuse.Mount(dir, options(cfg)...)
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", dir, err)
	}
	m := serve(dir, conn, cfg)
	if at, ok, err := mountedAt(dir); ok && err == nil {
		m.minor = at.minor
	}
	if err := m.ready(); err != nil {
		return nil, errors.Join(fmt.Errorf("mount %s: %w", dir, err), m.Close())
	}
	return m, nil
}

// options are the same for every mount: nobody can write, nothing of another
// member's gets privileges, and never AsyncRead (with it the kernel waits for
// reads deaf to signals, and twelve of them block the whole mount).
func options(cfg Config) []fuse.MountOption {
	o := []fuse.MountOption{
		fuse.FSName(cfg.FSName), fuse.Subtype(subtype),
		fuse.ReadOnly(), fuse.DefaultPermissions(),
		fuse.MaxReadahead(maxReadahead),
	}
	if cfg.AllowOther {
		o = append(o, fuse.AllowOther())
	}
	return o
}

// serve starts all goroutines of a mount. The last of them to end closes gone.
func serve(dir string, conn *fuse.Conn, cfg Config) *Mountpoint {
	f := newFiles(cfg.Tree)
	m := &Mountpoint{
		dir: dir, grace: cfg.Grace, log: cfg.Log,
		server: newServer(conn, f, cfg.Log),
		inval:  newInvalidator(conn, f.nodes),
		gone:   make(chan struct{}),
	}
	told := make(chan struct{})
	m.server.spawn()
	go func() {
		defer close(told)
		m.inval.run(m.server.ctx.Done())
	}()
	go func() {
		defer close(m.gone)
		m.server.wg.Wait()
		<-told
		m.server.hangUp()
	}()
	return m
}

// ready waits until the root can be listed, and has a file polled once, which
// is answered with ENOSYS: the kernel never asks again. Otherwise the first
// os.Open of a file of the mount by this very process could stop it for ever,
// because the Go runtime would wait for that answer holding what it needs to
// give it.
func (m *Mountpoint) ready() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), readyTime, fmt.Errorf("not within %v", readyTime))
	defer cancel()
	err := answer(ctx, touch(ctx, touchReady, m.dir).Run())
	if err == nil {
		m.server.files.polled.Store(true)
	}
	return err
}

// Alive asks the mount for its root, as any program would, and returns nil when
// it has answered. It may block for longer than ctx lasts, for as long as the
// mount does not answer.
func (m *Mountpoint) Alive(ctx context.Context) error {
	if err := answer(ctx, touch(ctx, touchAlive, m.dir).Run()); err != nil {
		return fmt.Errorf("mount %s: %w", m.dir, err)
	}
	return nil
}

// Dir returns the mount point, absolute and without symbolic links.
func (m *Mountpoint) Dir() string { return m.dir }

// Changed says that the Tree shows something else at path now. It never blocks;
// the kernel is told within moments.
func (m *Mountpoint) Changed(path string, kind ChangeKind) {
	m.server.files.changes.Add(1)
	m.inval.add(change{path, kind})
}

// Stats returns what the mount has done up to now.
func (m *Mountpoint) Stats() Stats {
	s := m.server
	return Stats{
		Requests: s.requests.Load(), Reads: s.reads.Load(), ReadBytes: s.readBytes.Load(),
		Waiting: s.waiting.Load(), Panics: s.panics.Load(),
	}
}

// Wait blocks until the mount is gone, whoever unmounted it.
func (m *Mountpoint) Wait() error {
	<-m.gone
	return nil
}
