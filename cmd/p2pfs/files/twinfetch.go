//go:build linux

package files

import (
	"context"
	"fmt"
	"slices"
	"time"

	"p2pfs/cmd/p2pfs/pause"
	"p2pfs/swarm"
	"p2pfs/swarm/hashing"
	"p2pfs/swarm/held"
	"p2pfs/swarm/metainfo"
)

// twinAfter is how long a read may wait while nobody is in the v2 swarm before
// the v1 swarm is asked too.
const twinAfter = 4 * time.Second

// twinLasts is how long after a piece came from the v1 swarm reads ask it at
// once.
const twinLasts = time.Minute

// besides has a read of n bytes from off fetched from the v1 swarm too, each
// time that it has waited for twinAfter and the v2 torrent knows nobody. The
// function that it returns must be called when the read ends.
func (f *swarmFile) besides(ctx context.Context, off, n int64) (done func()) {
	if f.twin == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	after := twinAfter
	if f.twin.progressed(time.Now().Add(-twinLasts)) && f.alone() {
		after = 0
	}
	timer := time.AfterFunc(after, func() {
		defer close(ended)
		for ctx.Err() == nil {
			if f.alone() {
				f.m.Guard.Do(func() {
					if err := f.fromTwin(ctx, off, n); err != nil && ctx.Err() == nil {
						f.m.Log.Debug("v1 swarm of a shared file", "infohash", f.twin.v1, "err", err)
					}
				})
			}
			pause.For(ctx, twinAfter)
		}
	})
	return func() {
		cancel()
		if !timer.Stop() {
			<-ended
		}
	}
}

// alone reports whether nobody is in the file's v2 swarm.
func (f *swarmFile) alone() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.v2of == nil || f.v2of.Stats().Peers == 0
}

// Spec is the v1 torrent, for whom nobody but trackers knows peers.
func (t *twin) Spec() swarm.Spec {
	return swarm.Spec{
		Magnet:      &metainfo.Magnet{HasV1: true, V1: t.v1, Name: t.name},
		Storage:     t.storage,
		Trackers:    t.ts.Trackers(),
		Announce:    swarm.Always,
		ReadTimeout: t.ts.ReadTimeout,
		Idle:        idleTorrent,
	}
}

// broke ends the v1 torrent: the member who shares the file told hashes that
// disagree.
func (t *twin) broke() {
	t.mu.Lock()
	first := !t.broken
	t.broken = true
	t.mu.Unlock()
	if !first {
		return
	}
	t.ts.unproven.take(t)
	t.ts.Log.Warn("v1 torrent of a shared file is not used", "name", t.name, "infohash", t.v1, "err", errTwins)
	if v1 := t.ts.Client().Torrent(t.v1); v1 != nil {
		go v1.Close() // it is one of its goroutines that calls
	}
}

func (t *twin) isBroken() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.broken
}

// progressed reports whether a piece came since then.
func (t *twin) progressed(since time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.came.After(since)
}

// fromTwin reads n bytes from off out of the v1 swarm: what comes of it wakes
// those who read the v2 torrent. Where the piece layer is not known that is
// the whole file, because nothing of it can be verified before.
func (f *swarmFile) fromTwin(ctx context.Context, off, n int64) error {
	t := f.twin
	if t.isBroken() {
		return errTwins
	}
	if t.Of.Size > maxUnproven && !t.layered() {
		return errUnproven
	}
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if t.layered() {
		<-t.turn
	} else {
		defer func() { <-t.turn }()
		off, n = 0, t.Of.Size
	}
	r, err := f.twinReader()
	if err != nil {
		return err
	}
	buf := make([]byte, min(n, 1<<20))
	for end := min(off+n, t.Of.Size); off < end; off += int64(len(buf)) {
		if _, err := r.ReadAt(ctx, buf[:min(int64(len(buf)), end-off)], off); err != nil {
			return err
		}
	}
	return nil
}

// twinReader returns a reader of the v1 torrent, the same while that runs: so
// reads in order have what follows fetched ahead.
func (f *swarmFile) twinReader() (*swarm.Reader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.v1 != nil && f.v1of.Err() == nil {
		return f.v1, nil
	}
	v1, err := f.m.Client().Add(f.twin.Spec())
	if err != nil {
		return nil, err
	}
	f.v1, f.v1of = v1.NewReader(0), v1
	return f.v1, nil
}

// stored takes a piece in whose SHA-1 is good, given as its blocks.
func (t *twin) stored(piece int, blocks [][]byte) error {
	root := hashing.Root(hashing.Leaves(blocks), t.info.LeafCount(piece))
	want, known := t.info.PieceHash2(t.ts.Holdings.Index.Layers(t.Of), piece)
	if known && root != want {
		t.broke()
		return errTwins
	}
	if !known {
		if err := t.ts.unproven.put(t, piece, blocks); err != nil {
			return err
		}
		t.note(piece, root, false)
		return t.layer()
	}
	if err := t.ts.Cache.Put(held.RootKey(root), blocks); err != nil {
		return err
	}
	t.note(piece, root, true)
	if v2 := t.ts.Client().Torrent(t.info.HashV2.Short()); v2 != nil {
		v2.Found(piece)
	}
	return nil
}

// note remembers that a piece is in the cache under that root.
func (t *twin) note(piece int, root metainfo.Hash256, known bool) {
	if known {
		t.ts.Holdings.Index.StoredOf(t.Of, piece, held.RootKey(root))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.came = time.Now()
	if known {
		return
	}
	if t.roots == nil {
		t.roots = make([]metainfo.Hash256, t.info.Pieces.Count())
	}
	t.roots[piece] = root
}

// layer checks the piece layer once every piece has come, and hands it on.
func (t *twin) layer() error {
	t.mu.Lock()
	roots := slices.Clone(t.roots)
	t.mu.Unlock()
	for _, h := range roots {
		if h.IsZero() {
			return nil
		}
	}
	if err := t.info.CheckLayer(t.Of.Root, roots); err != nil {
		t.broke()
		return fmt.Errorf("%w: %w", errTwins, err)
	}
	layers := metainfo.Layers{t.Of.Root: roots}
	t.ts.Holdings.Sidecars.Save(t.v1, &metainfo.MetaInfo{Info: t.info, Layers: layers})
	t.ts.Holdings.Index.FindOf(t.Of, layers)
	if err := t.keepProven(roots); err != nil {
		return err
	}
	if v2 := t.ts.Client().Torrent(t.info.HashV2.Short()); v2 != nil {
		v2.SetLayer(t.Of.Root, roots)
	}
	return nil
}

// keepProven puts the pieces that were held until their hashes were known to be
// the file's into the cache.
func (t *twin) keepProven(roots []metainfo.Hash256) error {
	for piece, data := range t.ts.unproven.take(t) {
		if err := t.ts.Cache.Put(held.RootKey(roots[piece]), [][]byte{data}); err != nil {
			return err
		}
		t.note(piece, roots[piece], true)
	}
	return nil
}
