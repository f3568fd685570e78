//go:build linux

// Package keep does what users ask of what is here of a mount's files: pin, unpin,
// prefetch, evict and verify. It knows the tree of a mount, the cache and the share
// directories, and neither peers nor the command line. All is safe for concurrent
// use.
package keep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"p2pfs/cache"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	"p2pfs/cmd/p2pfs/tree"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/share"
)

// Tree is the mount.
type Tree interface {
	// FilesAt lists the files with pieces at or below a path.
	FilesAt(ctx context.Context, at string) ([]*tree.File, error)
}

// Shares is what this machine publishes.
type Shares interface {
	ByContent(c metainfo.Content) (share.File, bool)
	Files() []share.File
	// Verify hashes a file and tells of each so many bytes that it has; it
	// returns share.ErrChanged for one that is not what was published.
	Verify(ctx context.Context, f share.File, done func(n int64)) error
}

// Config is what a Keeper works on. All is needed.
type Config struct {
	Tree    Tree
	Shares  Shares
	Cache   *cache.Store
	Size    int64 // of the cache, in bytes
	Index   *held.Index
	Pins    *held.Pins
	Evicted func(held.Key)    // is told what was dropped
	Fetched func(n int64)     // counts bytes that came without a read of the mount
	Changed func(path string) // is told that there may be more or less of a file here
	Guard   *guard.Guard
	Log     *slog.Logger
}

// Keeper does what users ask of what is kept of a mount's files.
type Keeper struct{ cfg Config }

// New returns a Keeper.
func New(cfg Config) *Keeper { return &Keeper{cfg} }

// Cache is part of control.Cacher.
func (k *Keeper) Cache(ctx context.Context, op string, at control.Location, t *control.Tally) error {
	if op == control.Verify {
		return k.verify(ctx, at, t)
	}
	if at.Share {
		return errShareDir
	}
	if op == control.Pins {
		return k.listPins(at.Path, t)
	}
	if op == control.Unpin {
		return k.unpin(ctx, at.Path, t)
	}
	all, err := k.filesAt(ctx, at.Path)
	if err != nil {
		return err
	}
	var files []*file
	for _, f := range all {
		if f.own {
			t.Add(func(r *control.Report) { r.Own++ })
			continue
		}
		files = append(files, f)
		t.Add(func(r *control.Report) { r.Files++; r.Bytes += f.Size })
	}
	switch op {
	case control.Pin:
		return k.pin(ctx, files, t)
	case control.Prefetch:
		return k.prefetch(ctx, files, t)
	case control.Evict:
		return k.evict(files, t)
	}
	return control.Refuse("unknown operation %s", human.Quoted(op))
}

// newlyPinned is what files would take that are not pinned yet.
func (k *Keeper) newlyPinned(files []*file) (sum int64) {
	seen := map[held.PinID]bool{}
	for _, f := range files {
		if id := f.id(); !seen[id] && !k.cfg.Pins.Has(id) {
			seen[id] = true
			sum += held.DiskSize(f.Size)
		}
	}
	return sum
}

// fits returns an error if so much does not go into the cache beside what is
// pinned.
func (k *Keeper) fits(size int64) error {
	pinned, budget := k.cfg.Pins.Bytes(), k.cfg.Size
	if size <= budget-pinned {
		return nil
	}
	text := fmt.Sprintf("%s do not fit into the cache of %s", human.Size(size), human.Size(budget))
	if pinned > 0 {
		text += fmt.Sprintf(", %s of which are pinned", human.Size(pinned))
	}
	return errors.New(text + "; --cache-size makes it larger")
}

// pin has files stay in the cache, and fetches what is missing of them.
func (k *Keeper) pin(ctx context.Context, files []*file, t *control.Tally) error {
	if err := k.fits(k.newlyPinned(files)); err != nil {
		return err
	}
	for _, f := range files {
		k.cfg.Pins.Add(f.Info, held.NewPin(f.Info, f.Index, f.Path))
	}
	if err := k.cfg.Pins.Save(); err != nil {
		return fmt.Errorf("pinned until p2pfs ends: %w", err)
	}
	if err := k.fetchAll(ctx, files, t); err != nil {
		return err
	}
	if err := k.cfg.Cache.Sync(); err != nil {
		k.cfg.Log.Warn("pinned pieces may be lost by a power cut", "err", err)
	}
	return nil
}

// unpin lets go of the files at or below a path, also of those that are there
// no more.
func (k *Keeper) unpin(ctx context.Context, at string, t *control.Tally) error {
	files, err := k.filesAt(ctx, at)
	gone := k.cfg.Pins.Below(at)
	if err != nil && len(gone) == 0 {
		return err
	}
	for _, f := range files {
		gone = append(gone, held.NewPin(f.Info, f.Index, f.Path))
	}
	for _, n := range gone {
		if k.cfg.Pins.Remove(n.ID) {
			t.Add(func(r *control.Report) { r.Files++; r.Bytes += n.Size })
		}
	}
	if t.Report().Files == 0 {
		return errors.New("not pinned")
	}
	return k.cfg.Pins.Save()
}

func (k *Keeper) listPins(at string, t *control.Tally) error {
	for _, n := range k.cfg.Pins.Below(at) {
		t.Add(func(r *control.Report) {
			r.Files++
			r.Bytes += n.Size
			r.Paths = append(r.Paths, n.Path)
		})
	}
	return nil
}

// prefetch has the cache take files whole.
func (k *Keeper) prefetch(ctx context.Context, files []*file, t *control.Tally) error {
	if err := k.fits(k.newlyPinned(files)); err != nil {
		return err
	}
	return k.fetchAll(ctx, files, t)
}

// evict drops what the cache has of files, but for what is pinned.
func (k *Keeper) evict(files []*file, t *control.Tally) error {
	for _, f := range files {
		for _, p := range k.pieces(f) {
			if !p.held {
				continue
			}
			if k.cfg.Cache.Pinned(p.key) {
				t.Add(func(r *control.Report) { r.Pinned += p.Len })
				continue
			}
			err := k.cfg.Cache.Remove(p.key)
			if err != nil && !errors.Is(err, cache.ErrMissing) {
				return err
			}
			k.cfg.Evicted(p.key)
			t.Add(func(r *control.Report) { r.Evicted += p.Len })
		}
		k.cfg.Changed(f.Path)
	}
	if r := t.Report(); r.Evicted == 0 && r.Pinned > 0 {
		return errors.New("pinned; p2pfs unpin comes first")
	}
	return nil
}
