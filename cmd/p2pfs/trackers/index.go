//go:build linux

package trackers

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"p2pfs/cmd/p2pfs/pause"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/catalog/union"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/metainfo"
	"p2pfs/swarm/tracker/server"
)

// indexPause is the least time between two looks at a catalogue that changes.
const indexPause = time.Second

// index knows the infohashes of all files that a drive's catalogues
// name: v2's, which follow from the entry, and v1's, which stand in it. It is
// kept by one goroutine, run, which looks into each object of the catalogues
// once. Safe for concurrent use.
type index struct {
	view    func() *union.View // nil before there is one
	guard   *guard.Guard
	log     *slog.Logger
	set     atomic.Pointer[infoHashes] // nil until the first look is over
	changes chan struct{}              // room for one
	once    sync.Once
}

func newIndex(view func() *union.View, guard *guard.Guard, log *slog.Logger) *index {
	return &index{view: view, guard: guard, log: log, changes: make(chan struct{}, 1)}
}

// changed tells that there is a new view. A nil index takes no notice.
func (x *index) changed() {
	if x == nil {
		return
	}
	select {
	case x.changes <- struct{}{}:
	default:
	}
}

// verdict is the index's word on a torrent.
func (x *index) verdict(ih metainfo.Hash) server.Verdict {
	set := x.set.Load()
	switch {
	case set == nil:
		return server.Unknown
	case set.has(ih), set.full():
		return server.Served
	}
	return server.Refused
}

// run keeps the index until ctx ends.
func (x *index) run(ctx context.Context) {
	var known map[catalog.Hash]struct{}
	full := 0 // objects known after the last look at all
	x.changed()
	for {
		select {
		case <-x.changes:
		case <-ctx.Done():
			return
		}
		set := x.set.Load()
		if set == nil || known == nil || len(known) > 1024+2*full { // many of them are gone by now
			set, known, full = newInfoHashes(), map[catalog.Hash]struct{}{}, 0
		}
		v := x.view()
		if v == nil {
			continue // it will change
		}
		var err error
		if panicked := x.guard.Do(func() { err = enter(set, v, known) }); panicked != nil {
			known = nil // begun anew at the next change
			pause.For(ctx, indexPause)
			continue
		}
		if err != nil {
			x.log.Debug("catalogue not indexed, again", "err", err) // it was an old view, mostly
			x.changed()
		} else {
			if full == 0 {
				full = len(known)
			}
			x.set.Store(set)
		}
		pause.For(ctx, indexPause)
	}
}

// enter adds what a view shows and is not known.
func enter(set *infoHashes, v *union.View, known map[catalog.Hash]struct{}) error {
	return v.EachFile(known, func(n union.Named) {
		c := metainfo.Content{Root: n.Root, Size: n.Size}
		set.add(metainfo.InfoHashV2(n.Name, c).Short())
		if v1 := metainfo.Hash(n.V1); !v1.IsZero() {
			set.add(v1)
		}
	})
}

// serves is the embedded tracker's server.Config.Serves: it serves the drive,
// the torrents that are here and the files that the drive's catalogues name.
func (t *Trackers) serves(infoHash [20]byte) server.Verdict {
	ih := metainfo.Hash(infoHash)
	if ih == t.cfg.Serves || t.client().Torrent(ih) != nil {
		return server.Served
	}
	return t.index.verdict(ih)
}
