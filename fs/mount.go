//go:build linux

package fs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"p2pfs/fs/mounting"
)

// Mountpoint is a Tree that is mounted.
type Mountpoint struct {
	dir    string
	grace  time.Duration
	server *server
	inval  *invalidator
	log    *slog.Logger
	at     mounting.Mounted
	gone   chan struct{} // closed when nothing is served and no goroutine is left

	closing sync.Once
	closed  error // what Close returns; set by closing
}

// silent is the log of who gives none.
var silent = slog.New(slog.DiscardHandler)

// readyTime is how long a new mount may take until its root can be listed.
const readyTime = 10 * time.Second

// Mount mounts cfg.Tree on cfg.Dir and returns when it can be used.
func Mount(cfg Config) (*Mountpoint, error) {
	if cfg.Log == nil {
		cfg.Log = silent
	}
	if cfg.Grace == 0 {
		cfg.Grace = time.Second
	}
	dir, err := mounting.Prepare(cfg.Dir, cfg.AllowOther, cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", cfg.Dir, err)
	}
	conn, err := mounting.Mount(dir, mounting.Options{FSName: cfg.FSName, AllowOther: cfg.AllowOther})
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", dir, err)
	}
	m := serve(dir, conn, cfg)
	if at, ok, err := mounting.At(dir); ok && err == nil {
		m.at = at
	} else {
		m.at = mounting.Mounted{Path: dir}
	}
	if err := m.ready(); err != nil {
		return nil, errors.Join(fmt.Errorf("mount %s: %w", dir, err), m.Close())
	}
	return m, nil
}

// serve starts all goroutines of a mount. The last of them to end closes gone.
func serve(dir string, conn *mounting.Conn, cfg Config) *Mountpoint {
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
	r := &s.calls.reading
	return Stats{
		Requests: s.requests.Load(), Reads: r.reads.Load(), ReadBytes: r.bytes.Load(),
		Waiting: r.waiting.Load(), Panics: s.panics.Load(),
	}
}

// Wait blocks until the mount is gone, whoever unmounted it.
func (m *Mountpoint) Wait() error {
	<-m.gone
	return nil
}

const (
	retryTime = 20 * time.Millisecond // between two tries to unmount what is busy
	leaveTime = 5 * time.Second       // for goroutines to end after that
)

// Close fails what waits, unmounts, and returns when no goroutine of the mount
// is left. A mount that is in use for longer than Config.Grace is detached: it
// leaves /proc/mounts at once, and whoever has files of it open gets errors.
func (m *Mountpoint) Close() error {
	m.closing.Do(func() { m.closed = m.shut() })
	return m.closed
}

func (m *Mountpoint) shut() error {
	m.server.fail()
	if err := m.unmountOwn(); err != nil {
		return fmt.Errorf("unmount %s: %w", m.dir, err)
	}
	select {
	case <-m.gone:
		return nil
	case <-time.After(m.grace):
		m.at.Abort() // copied into another mount namespace
	}
	select {
	case <-m.gone:
		return nil
	case <-time.After(leaveTime):
		return fmt.Errorf("unmount %s: %w: detached, but requests of it still run", m.dir, mounting.ErrBusy)
	}
}

// unmountOwn tries until the grace ends, then detaches.
func (m *Mountpoint) unmountOwn() error {
	end := time.Now().Add(m.grace)
	for {
		select {
		case <-m.gone:
			return nil // what is there now is another mount
		default:
		}
		at, ok, err := mounting.At(m.dir)
		if err != nil {
			return err
		}
		if !ok || at.Minor != m.at.Minor || !at.Ours() {
			return nil // somebody else was faster
		}
		if err = at.Unmount(); !errors.Is(err, mounting.ErrBusy) {
			return err
		}
		if time.Now().After(end) {
			return m.abandon()
		}
		select {
		case <-m.gone:
		case <-time.After(retryTime):
		}
	}
}

// abandon detaches the mount, and ends its connection from our side.
func (m *Mountpoint) abandon() error {
	m.log.Warn("mount is in use, detached", "dir", m.dir)
	dir, err := unix.Open(m.dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return m.at.Abandon()
	}
	err = m.at.Detach()
	m.server.leave(dir)
	return err
}
