//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"

	"p2pfs/cache"
	"p2pfs/cmd/p2pfs/control"
	"p2pfs/cmd/p2pfs/human"
	p2fs "p2pfs/fs"
	"p2pfs/swarm/held"
)

// Cache is what the control socket asks for.
func (m *member) Cache(ctx context.Context, op string, at control.Location, t *control.Tally) error {
	if op == control.Verify {
		return verifyPaths(ctx, m, at, t)
	}
	if at.Share {
		return errShareDir
	}
	if op == control.Pins {
		return m.listPins(at.Path, t)
	}
	if op == control.Unpin {
		return m.unpin(ctx, at.Path, t)
	}
	all, err := m.keptAt(ctx, at.Path)
	if err != nil {
		return err
	}
	var files []*kept
	for _, k := range all {
		if k.own {
			t.Add(func(r *control.Report) { r.Own++ })
			continue
		}
		files = append(files, k)
		t.Add(func(r *control.Report) { r.Files++; r.Bytes += k.Size })
	}
	switch op {
	case control.Pin:
		return m.pin(ctx, files, t)
	case control.Prefetch:
		return m.prefetch(ctx, files, t)
	case control.Evict:
		return m.evict(files, t)
	}
	return control.Refuse("unknown operation %s", human.Quoted(op))
}

// newlyPinned is what files would take that are not pinned yet.
func (m *member) newlyPinned(files []*kept) (sum int64) {
	seen := map[held.PinID]bool{}
	for _, k := range files {
		if id := k.id(); !seen[id] && !m.holdings.pins.Has(id) {
			seen[id] = true
			sum += held.DiskSize(k.Size)
		}
	}
	return sum
}

// fits returns an error if so much does not go into the cache beside what is
// pinned.
func (m *member) fits(size int64) error {
	pinned, budget := m.holdings.pins.Bytes(), m.cfg.cacheSize
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
func (m *member) pin(ctx context.Context, files []*kept, t *control.Tally) error {
	if err := m.fits(m.newlyPinned(files)); err != nil {
		return err
	}
	for _, k := range files {
		m.holdings.pins.Add(k.Info, held.NewPin(k.Info, k.Index, k.Path))
	}
	if err := m.holdings.pins.Save(); err != nil {
		return fmt.Errorf("pinned until p2pfs ends: %w", err)
	}
	if err := m.fetchAll(ctx, files, t); err != nil {
		return err
	}
	if err := m.cache.Sync(); err != nil {
		m.log.Warn("pinned pieces may be lost by a power cut", "err", err)
	}
	return nil
}

// unpin lets go of the files at or below a path, also of those that are there
// no more.
func (m *member) unpin(ctx context.Context, at string, t *control.Tally) error {
	files, err := m.keptAt(ctx, at)
	gone := m.holdings.pins.Below(at)
	if err != nil && len(gone) == 0 {
		return err
	}
	for _, k := range files {
		gone = append(gone, held.NewPin(k.Info, k.Index, k.Path))
	}
	for _, n := range gone {
		if m.holdings.pins.Remove(n.ID) {
			t.Add(func(r *control.Report) { r.Files++; r.Bytes += n.Size })
		}
	}
	if t.Report().Files == 0 {
		return errors.New("not pinned")
	}
	return m.holdings.pins.Save()
}

func (m *member) listPins(at string, t *control.Tally) error {
	for _, n := range m.holdings.pins.Below(at) {
		t.Add(func(r *control.Report) {
			r.Files++
			r.Bytes += n.Size
			r.Paths = append(r.Paths, n.Path)
		})
	}
	return nil
}

// prefetch has the cache take files whole.
func (m *member) prefetch(ctx context.Context, files []*kept, t *control.Tally) error {
	if err := m.fits(m.newlyPinned(files)); err != nil {
		return err
	}
	return m.fetchAll(ctx, files, t)
}

// evict drops what the cache has of files, but for what is pinned.
func (m *member) evict(files []*kept, t *control.Tally) error {
	for _, k := range files {
		for _, p := range m.pieces(k) {
			if !p.held {
				continue
			}
			if m.cache.Pinned(p.key) {
				t.Add(func(r *control.Report) { r.Pinned += p.Len })
				continue
			}
			err := m.cache.Remove(p.key)
			if err != nil && !errors.Is(err, cache.ErrMissing) {
				return err
			}
			m.holdings.evicted(p.key)
			t.Add(func(r *control.Report) { r.Evicted += p.Len })
		}
		m.changed(k.Path, p2fs.ChangeAttr)
	}
	if r := t.Report(); r.Evicted == 0 && r.Pinned > 0 {
		return errors.New("pinned; p2pfs unpin comes first")
	}
	return nil
}
