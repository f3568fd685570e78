package swarm

import (
	"context"
	"errors"

	"p2pfs/swarm/book"
	"p2pfs/swarm/metainfo"
)

// Add begins a torrent. If it is here already, the one that is here is
// returned, and told of the Spec's peers.
func (c *Client) Add(spec Spec) (*Torrent, error) {
	if spec.MetaInfo == nil && spec.Magnet == nil {
		return nil, errors.New("neither metainfo nor magnet")
	}
	hashes := spec.infoHashes()
	if len(hashes) == 0 {
		return nil, errors.New("no infohash")
	}
	if spec.MetaInfo == nil && c.cfg.Sidecar != nil {
		for _, h := range hashes {
			if m := c.cfg.Sidecar.Load(h); m != nil {
				spec.MetaInfo = withTrackers(m, spec.Magnet)
				break
			}
		}
	}
	t, here, err := c.table.add(hashes, func() *Torrent { return c.start(spec, hashes) })
	if here {
		go t.AddPeers(spec.Peers)
	}
	return t, err
}

// withTrackers is m with the trackers of a magnet in place of its own.
func withTrackers(m *metainfo.MetaInfo, magnet *metainfo.Magnet) *metainfo.MetaInfo {
	out := *m
	out.Trackers = apart(magnet.Trackers)
	return &out
}

// start makes the torrent and its goroutines. It does not wait.
func (c *Client) start(spec Spec, hashes []metainfo.Hash) *Torrent {
	ctx, cancel := context.WithCancelCause(c.ctx)
	t := &Torrent{
		hot:    hot{all: &c.bandwidth.hot},
		client: c, spec: spec, log: c.log,
		events: make(chan event, 256), ready: make(chan struct{}), whole: make(chan struct{}),
		done: make(chan struct{}), cancel: cancel,
	}
	t.naming.name(spec, hashes)
	l := newLoop(ctx, t)
	l.find.book.Add(spec.Peers, book.User)
	if !l.t.naming.private() {
		l.find.book.Add(spec.Known, book.Before)
	}
	t.wg.Go(func() {
		defer cancel(nil)
		if err := c.guard.Do(l.run); err != nil {
			l.end(err)
		}
		t.err = l.ended
		l.publishStats()
		c.forget(t)
		close(t.done)
		cancel(l.ended)
		c.guard.Do(func() { l.find.remember.end() })
	})
	return t
}

// forget takes an ended torrent out of the table, and closes its storage once
// its goroutines have let go of it; at the end Close does.
func (c *Client) forget(t *Torrent) {
	stats := t.Stats()
	c.table.forget(t, stats.Received, stats.Sent, func() {
		c.wg.Go(func() {
			if err := t.finish(); err != nil {
				t.log.Warn("closing storage", "infohash", t.naming.hashes[0], "err", err)
			}
		})
	})
}
