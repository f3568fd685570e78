//go:build linux

package main

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

	"p2pfs/cache"
	"p2pfs/cmd/p2pfs/cli"
	"p2pfs/cmd/p2pfs/dirs"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/roster"
	"p2pfs/cmd/p2pfs/state"
	"p2pfs/cmd/p2pfs/tree"
	p2fs "p2pfs/fs"
	"p2pfs/fs/mounting"
	"p2pfs/swarm"
	"p2pfs/swarm/catalog/store"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/share"
)

// memberConfig is what a member of a drive is made from.
type memberConfig struct {
	drive, name         string
	share, cache, state string // directories
	mountPoint          string
	cacheSize, keepFree int64 // keepFree < 0: the cache's default
	up, down            int64 // limits, bytes a second
	listen              cli.ListenAddr
	trackers, peers     []string
	noTracker, noPEX    bool
	openTracker         bool
	lsd                 bool
	takeOver            time.Duration // 0: takeOverEvery
	readTimeout         time.Duration
	scans               *tree.Scans
	allowOther          bool
	log                 *slog.Logger
}

// member is one running p2pfs on a drive: the share directory, the cache, the
// engine, the other members and the mount, wired together. Fields are
// immutable after start but for the atomic ones.
type member struct {
	cfg      memberConfig
	log      *slog.Logger
	guard    *guard.Guard
	seat     *seat
	since    time.Time
	cache    *cache.Store
	holdings *holdings
	twins    *twins
	share    *share.Share
	client   *swarm.Client
	drive    atomic.Pointer[drive.Drive] // nil until the engine listens
	trackers *trackers
	torrents *tree.Torrents
	asked    *askedFor
	hidden   *roster.Hidden
	mount    atomic.Pointer[p2fs.Mountpoint]
	tree     *tree.Tree
	// fromCache are torrents that end when the share directory has their file.
	fromCache fromCache

	ctx     context.Context // ends when the member closes
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	closers []func() error   // last opened first closed
	shared  chan share.Delta // what changed in the share directory
}

// startMember opens everything and mounts. What is open is closed again when
// it fails.
func startMember(cfg memberConfig) (*member, error) {
	m := &member{cfg: cfg, log: cfg.log, guard: guard.New(cfg.log), since: time.Now(), shared: make(chan share.Delta)}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	for _, step := range []func() error{
		m.checkDirs, m.openState, m.openIdentity, m.openCache, m.openShare, m.openClient, m.openDrive, m.openMount,
	} {
		if err := step(); err != nil {
			m.Close()
			return nil, err
		}
	}
	m.wg.Go(m.publish)
	m.wg.Go(m.seat.tend)
	m.wg.Go(m.torrents.Restore)
	m.wg.Go(m.tendCache)
	return m, nil
}

// Close unmounts, tells trackers that we stop, and returns when nothing is
// left running. Reads that wait fail first.
func (m *member) Close() error {
	var errs []error
	if mount := m.mount.Load(); mount != nil {
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

func (m *member) onClose(f func() error) { m.closers = append(m.closers, f) }

func (m *member) checkDirs() error {
	for _, d := range []string{m.cfg.state, m.cfg.cache, m.cfg.share} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(m.cfg.state, 0o700); err != nil {
		return err
	}
	return m.cfg.checkApart()
}

func (cfg memberConfig) checkApart() error {
	return dirs.CheckApart(
		dirs.Dir{Role: "share directory", Path: cfg.share}, dirs.Dir{Role: "cache", Path: cfg.cache},
		dirs.Dir{Role: "state directory", Path: cfg.state}, dirs.Dir{Role: "mount point", Path: cfg.mountPoint},
	)
}

func (m *member) openState() error {
	lock, err := state.Open(m.cfg.state)
	if err == nil {
		m.onClose(lock.Close)
	}
	return err
}

func (m *member) openIdentity() (err error) {
	m.seat, err = newSeat(m)
	return err
}

func (m *member) openCache() (err error) {
	m.cache, err = cache.Open(cache.Config{
		Dir: m.cfg.cache, Size: m.cfg.cacheSize, KeepFree: m.cfg.keepFree, Log: m.log,
		OnEvict: func(k cache.Key) {
			if m.holdings != nil {
				m.holdings.evicted(k)
			}
		},
	})
	if errors.Is(err, cache.ErrInUse) {
		return fmt.Errorf("cache %s: in use by another p2pfs; give this one another --cache", human.Quoted(m.cfg.cache))
	}
	if errors.Is(err, cache.ErrFormat) {
		return fmt.Errorf("%w; it is of another version of p2pfs: use that, or give another --cache", err)
	}
	if err != nil {
		return err
	}
	m.onClose(m.cache.Close)
	if m.holdings, err = openHoldings(m.cfg.state, m.cache, m.log); err != nil {
		return err
	}
	m.onClose(m.holdings.Close)
	return nil
}

func (m *member) openShare() (err error) {
	m.share, err = share.Open(m.ctx, share.Config{
		Dir: m.cfg.share, State: m.cfg.state, Guard: m.guard, Log: m.log,
		OnChange: func(d share.Delta) {
			select {
			case m.shared <- d:
			case <-m.ctx.Done():
			}
		},
	})
	if errors.Is(err, share.ErrLocked) {
		return fmt.Errorf("state directory %s: in use by another p2pfs; give this one another --state", human.Quoted(m.cfg.state))
	}
	if err != nil {
		return err
	}
	m.onClose(m.share.Close)
	if m.asked, err = openAsked(filepath.Join(m.cfg.state, "asked"), time.Now()); err == nil {
		m.onClose(func() error { return m.asked.flush(time.Now()) })
	}
	return err
}

func (m *member) openClient() (err error) {
	m.trackers = newTrackers(m)
	m.onClose(m.trackers.close)
	if m.twins, err = openTwins(m, m.cfg.state); err != nil {
		return err
	}
	m.onClose(m.twins.later.Close)
	m.client, err = swarm.New(swarm.Config{
		Listen: m.cfg.listen.HostPort(), Guard: m.guard, Log: m.log, Lookup: m.lookup, Sidecar: m.holdings.sidecars,
		UploadLimit: m.cfg.up, DownloadLimit: m.cfg.down, NoPEX: m.cfg.noPEX, LSD: m.cfg.lsd,
	})
	if err != nil {
		return err
	}
	m.onClose(m.client.Close)
	m.torrents, err = tree.NewTorrents(tree.TorrentsConfig{
		Dir: filepath.Join(m.cfg.state, "added"), Engine: addedEngine{m, state.NewKnownPeers(m.cfg.state, m.log)}, Guard: m.guard, Log: m.log, Changed: m.changed,
	})
	if err != nil {
		return err
	}
	m.onClose(m.torrents.Close)
	m.tree = tree.New(tree.Config{
		Drive: namespace{m}, Files: memberFiles{m}, Torrents: m.torrents, Status: m.statusText, Usage: m.usage,
		Scans: m.cfg.scans, Changed: m.changed,
	})
	m.holdings.told.Store(&holdingsEvents{lost: m.lost, stored: m.stored})
	return nil
}

// openDrive joins the drive: it begins to connect to members at once.
func (m *member) openDrive() error {
	key := drive.OpenKey(m.cfg.drive)
	dir := filepath.Join(m.cfg.state, "drives", fmt.Sprintf("%x", key.Rendezvous()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	catalogues, err := store.Open(filepath.Join(dir, "catalog.db"), key.Rendezvous(), m.log)
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("state directory %s: in use by another p2pfs; give this one another --state", human.Quoted(m.cfg.state))
	}
	if err != nil {
		return err
	}
	m.onClose(catalogues.Close)
	known, err := openAddressFile(filepath.Join(dir, "addresses"), m.log)
	if err != nil {
		return err
	}
	if m.hidden, err = roster.OpenHidden(filepath.Join(dir, "hidden")); err != nil {
		return err
	}
	m.onClose(m.hidden.Flush)
	m.seat.store, m.seat.known = catalogues, known
	m.onClose(m.seat.leave)
	m.trackers.serve(m.ctx) // the drive is announced to it at once
	_, err = m.seat.join()
	return err
}

func (m *member) openMount() error {
	mount, err := p2fs.Mount(p2fs.Config{
		Dir: m.cfg.mountPoint, Tree: m.tree, AllowOther: m.cfg.allowOther, Log: m.log, FSName: m.cfg.drive,
	})
	if err != nil {
		return err
	}
	m.mount.Store(mount)
	return nil
}
