//go:build linux

// Package member is one running member of a drive: it opens the state, the cache, the
// share directory, the engine, the drive and the mount, has each told of the others
// by the little that it needs, and closes all in order. What each does it does not
// know.
package member

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"p2pfs/cache"
	"p2pfs/cmd/p2pfs/files"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/roster"
	"p2pfs/cmd/p2pfs/state"
	p2fs "p2pfs/fs"
	"p2pfs/fs/mounting"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/share"
)

// Member is one running p2pfs on a drive: it opens, wires together and closes what
// has a duty of its own. Fields are immutable after start.
type Member struct {
	Config   Config
	log      *slog.Logger
	guard    *guard.Guard
	cache    *cache.Store
	holdings *files.Holdings
	share    *share.Share
	changes  chan share.Delta // in the share directory
	hidden   *roster.Hidden
	engine   engine
	drive    joined
	seat     *seat
	specs    *files.Specs
	asking   *files.Asking
	linker   *linker
	reporter *reporter
	kernel   kernel

	ctx     context.Context // ends when the member closes
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	closers []func() error // last opened first closed
}

// Start opens everything and mounts. What is open is closed again when
// it fails.
func Start(cfg Config) (*Member, error) {
	m := &Member{Config: cfg, log: cfg.Log, guard: guard.New(cfg.Log), changes: make(chan share.Delta), kernel: kernel{log: cfg.Log}}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.reporter = &reporter{
		cfg: cfg, since: time.Now(), client: m.engine.client, kernel: &m.kernel, drive: m.drive.drive, guard: m.guard,
	}
	for _, step := range []func() error{
		m.checkDirs, m.openState, m.openCache, m.openShare, m.openEngine, m.openTree, m.openDrive, m.openMount,
	} {
		if err := step(); err != nil {
			m.Close()
			return nil, err
		}
	}
	p := &publisher{
		share: m.share, changes: m.changes, drive: m.drive.drive, specs: m.specs, asking: m.asking, client: m.engine.client, guard: m.guard, log: m.log,
	}
	m.seat.anew = func() {
		p.publish(share.Delta{}) // which is all there is, in a drive that knows of nothing
		m.kernel.changed("", p2fs.ChangeTree)
	}
	c := &caretaker{cache: m.cache, hidden: m.hidden, asking: m.asking, guard: m.guard, log: m.log}
	m.wg.Go(func() { p.run(m.ctx) })
	m.wg.Go(func() { m.seat.tend(m.ctx) })
	m.wg.Go(m.linker.torrents.Restore)
	m.wg.Go(func() { c.run(m.ctx) })
	return m, nil
}

// Close unmounts, tells trackers that we stop, and returns when nothing is
// left running. Reads that wait fail first.
func (m *Member) Close() error {
	var errs []error
	if mount := m.kernel.mount.Load(); mount != nil {
		err := mount.Close()
		if errors.Is(err, mounting.ErrBusy) { // it is gone for all but them
			m.log.Warn("mount was in use and is detached", "err", err)
			err = nil
		}
		errs = append(errs, err)
	}
	m.cancel()
	m.wg.Wait()
	for i := len(m.closers) - 1; i >= 0; i-- {
		errs = append(errs, m.closers[i]())
	}
	m.closers = nil
	return errors.Join(errs...)
}

func (m *Member) onClose(f func() error) { m.closers = append(m.closers, f) }

func (m *Member) checkDirs() error {
	for _, d := range []string{m.Config.State, m.Config.Cache, m.Config.Share} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(m.Config.State, 0o700); err != nil {
		return err
	}
	return m.Config.CheckApart()
}

func (m *Member) openState() error {
	lock, err := state.Open(m.Config.State)
	if err != nil {
		return err
	}
	m.onClose(lock.Close)
	m.reporter.key, err = state.OpenKey(m.Config.State, state.MachineIDPath)
	return err
}

func (m *Member) openCache() (err error) {
	m.cache, err = cache.Open(cache.Config{
		Dir: m.Config.Cache, Size: m.Config.CacheSize, KeepFree: m.Config.KeepFree, Log: m.log,
		OnEvict: func(k cache.Key) {
			if m.holdings != nil {
				m.holdings.Evicted(k)
			}
		},
	})
	if errors.Is(err, cache.ErrInUse) {
		return fmt.Errorf("cache %s: in use by another p2pfs; give this one another --cache", human.Quoted(m.Config.Cache))
	}
	if errors.Is(err, cache.ErrFormat) {
		return fmt.Errorf("%w; it is of another version of p2pfs: use that, or give another --cache", err)
	}
	if err != nil {
		return err
	}
	m.onClose(m.cache.Close)
	m.reporter.cache = m.cache
	if m.holdings, err = files.OpenHoldings(m.Config.State, m.cache, m.log); err != nil {
		return err
	}
	m.onClose(m.holdings.Close)
	return nil
}

func (m *Member) openShare() (err error) {
	m.share, err = share.Open(m.ctx, share.Config{
		Dir: m.Config.Share, State: m.Config.State, Guard: m.guard, Log: m.log,
		OnChange: func(d share.Delta) {
			select {
			case m.changes <- d:
			case <-m.ctx.Done():
			}
		},
	})
	if errors.Is(err, share.ErrLocked) {
		return fmt.Errorf("state directory %s: in use by another p2pfs; give this one another --state", human.Quoted(m.Config.State))
	}
	if err != nil {
		return err
	}
	m.onClose(m.share.Close)
	m.reporter.share = m.share
	return nil
}

// openDrive joins the drive: it begins to connect to members at once.
func (m *Member) openDrive() error {
	key := drive.OpenKey(m.Config.Drive)
	dir := filepath.Join(m.Config.State, "drives", fmt.Sprintf("%x", key.Rendezvous()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	catalogues, err := store.Open(filepath.Join(dir, "catalog.db"), key.Rendezvous(), m.log)
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("state directory %s: in use by another p2pfs; give this one another --state", human.Quoted(m.Config.State))
	}
	if err != nil {
		return err
	}
	m.onClose(catalogues.Close)
	known, err := state.OpenAddresses(filepath.Join(dir, "addresses"), m.log)
	if err != nil {
		return err
	}
	if m.hidden, err = roster.OpenHidden(filepath.Join(dir, "hidden")); err != nil {
		return err
	}
	m.onClose(m.hidden.Flush)
	t, s, names := m.linker.trackers, m.serving(), peerNames{m.ctx, m.log}
	m.seat = &seat{
		joined: &m.drive, trackers: t, key: m.reporter.key, known: known, copied: make(chan struct{}, 1),
		peers: func() []netip.AddrPort { return names.resolve(m.Config.Net.Peers) },
		viewed: func(now, before *union.View) {
			t.Changed()
			m.kernel.onView(now, before)
		},
		cfg: drive.Config{
			Key: key, Name: m.Config.Name, Store: catalogues, Client: m.engine.client(), Guard: m.guard, Log: m.log,
			Files: s, Hides: m.hidden.Hides,
		},
	}
	m.onClose(m.seat.leave)
	t.Serve(m.ctx) // the drive is announced to it at once
	return m.seat.join()
}

func (m *Member) openMount() error {
	mount, err := p2fs.Mount(p2fs.Config{
		Dir: m.Config.MountPoint, Tree: m.linker.tree, AllowOther: m.Config.AllowOther, Log: m.log, FSName: m.Config.Drive,
	})
	if err != nil {
		return err
	}
	m.kernel.mount.Store(mount)
	return nil
}
