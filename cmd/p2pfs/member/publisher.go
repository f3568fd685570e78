//go:build linux

package member

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"p2pfs/cmd/p2pfs/files"
	"p2pfs/swarm"
	"p2pfs/swarm/catalog"
	"p2pfs/swarm/drive"
	"p2pfs/swarm/guard"
	"p2pfs/swarm/share"
)

// publisher publishes a share directory on a drive.
type publisher struct {
	share   *share.Share
	changes chan share.Delta
	drive   func() *drive.Drive
	specs   *files.Specs
	asking  *files.Asking
	client  func() *swarm.Client
	guard   *guard.Guard
	log     *slog.Logger
	ending  sync.WaitGroup // torrents that end
	turn    sync.Mutex     // held while something is published: what was read first is, first
}

// run hands what the share directory publishes to the drive, each time it
// changes.
func (p *publisher) run(ctx context.Context) {
	defer p.ending.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case change := <-p.changes:
			if p.guard.Do(func() { p.publish(change) }) != nil {
				p.guard.Do(func() { p.publish(p.everything()) }) // it may not have been taken
			}
		}
	}
}

// publish publishes what changed in the share directory. It may be called from any
// goroutine.
func (p *publisher) publish(change share.Delta) {
	p.turn.Lock()
	defer p.turn.Unlock()
	d := p.drive()
	published, err := d.Share(catalogDelta(change))
	if errors.Is(err, catalog.ErrNeedAll) { // it was joined anew, mostly
		published, err = d.Share(catalogDelta(p.everything()))
	}
	if err != nil && !errors.Is(err, drive.ErrClosed) { // then it is joined anew, or all ends
		p.log.Error("catalogue not published", "err", err)
	}
	for _, path := range published.Dropped {
		p.log.Warn("not published: other members would not take it", "path", path)
	}
	p.overtake()
	p.asking.AnnounceAll()
}

// everything is all that the share directory publishes.
func (p *publisher) everything() share.Delta {
	return share.Delta{All: true, Put: p.share.Files()}
}

// catalogDelta is a change of the share directory as one of our catalogue.
func catalogDelta(d share.Delta) catalog.Delta {
	files := make([]catalog.File, len(d.Put))
	for i, f := range d.Put {
		files[i] = catalog.File{
			Path: f.Path, Size: f.Size, MTime: f.MTime, Exec: f.Exec,
			Root: f.Root, V1: f.V1, Target: f.Target, Kind: catalogKind(f.Kind),
		}
	}
	return catalog.Delta{All: d.All, Put: files, Gone: d.Gone}
}

func catalogKind(k share.Kind) catalog.Kind {
	switch k {
	case share.Dir:
		return catalog.KindDir
	case share.Symlink:
		return catalog.KindSymlink
	}
	return catalog.KindFile
}

// overtake ends torrents out of the cache whose file has appeared in the share
// directory. Peers would find pieces missing in them that are all here, for as
// long as they keep asking; their next connection, and readers that wait, find
// the share directory.
func (p *publisher) overtake() {
	for _, ih := range p.specs.FromCache.All() {
		if _, _, ok := p.share.Lookup(ih); !ok {
			continue
		}
		if t := p.client().Torrent(ih); t != nil {
			p.log.Debug("torrent goes on from the share directory", "infohash", ih)
			p.ending.Go(func() { t.Close() })
		}
	}
}
